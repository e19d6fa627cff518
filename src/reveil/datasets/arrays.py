"""The arrays of a prepared split."""

from pathlib import Path

import numpy as np

from reveil.errors import ReveilError
from reveil.files import remake


def load_split(images_path: str | Path, labels_path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a prepared split.

    Returns:
        Images, uint8 (N, C, H, H), memory-mapped and read-only; labels, int64 (N,).

    Raises:
        ReveilError: a file is missing or damaged, or the two do not belong together.
    """
    images = load_array(images_path, "r")
    labels = load_array(labels_path)
    square = images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[2] == images.shape[3]
    if images.dtype != np.uint8 or not square:
        raise ReveilError(
            f"{images_path}: holds {images.dtype} {images.shape}, "
            "not uint8 images (N, 1 or 3, size, size); prepare the dataset again"
        )
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise ReveilError(
            f"{labels_path}: holds {labels.dtype} {labels.shape}, "
            f"not one int64 label for each of the {len(images)} images; prepare the dataset again"
        )
    if labels.size and labels.min() < 0:
        raise ReveilError(f"{labels_path}: has the negative label {labels.min()}")
    return images, labels


def load_array(path: str | Path, mode: str | None = None) -> np.ndarray:
    """Return one array of a prepared split.

    Args:
        path: of the ``.npy`` file.
        mode: how it is mapped, as :func:`numpy.memmap` has it; None to read it.

    Raises:
        ReveilError: the file is missing or damaged, or is something else.
    """
    try:
        array = np.load(path, mmap_mode=mode, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it is an archive of arrays")
    except Exception as error:  # a damaged file may raise anything
        raise ReveilError(
            f"{path}: cannot be read as an array ({error}); {remake(path)}"
        ) from error
    return array
