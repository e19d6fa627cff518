"""The arrays of a prepared split."""

from pathlib import Path

import numpy as np

from reveil.errors import ReveilError


def load_split(images_path: str | Path, labels_path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a prepared split.

    Returns:
        Images, uint8 (N, C, H, H), memory-mapped and read-only; labels, int64 (N,).

    Raises:
        ReveilError: a file is missing or damaged, or the two do not belong together.
    """
    images = _load_array(images_path, "r")
    labels = _load_array(labels_path, None)
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


def _load_array(path: str | Path, mode: str | None) -> np.ndarray:
    try:
        return np.load(path, mmap_mode=mode, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ReveilError(
            f"{path}: cannot be read as an array ({error}); prepare the dataset again"
        ) from error
