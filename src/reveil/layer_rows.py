"""How well each layer's gradient is matched in the course of an attack, as tidy rows."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reveil.errors import ReveilError
from reveil.files import read_npz

SHALLOW, DEEP = "shallow", "deep"
# Of ResNet20, those of Drabent et al. 2022, Experiment 8.
PAPER = {
    "stage1.0.conv1.weight": SHALLOW,
    "stage1.1.conv1.weight": SHALLOW,
    "stage3.1.conv2.weight": DEEP,
    "stage3.2.conv2.weight": DEEP,
}
MOST_POINTS = 200
_CONVOLUTION = re.compile(r"(?:^|\.)conv\d*\.weight$")
_ARRAYS = ("images", "cosines", "cosine_iterations", "cosine_tensors")


def chosen_tensors(names: Sequence[str]) -> dict[str, str]:
    """Return the tensors to show, and whether each is ``shallow`` or ``deep``.

    Those of the paper where the network has them; else up to two of the first and of the last
    convolutions, and of networks with a single one that alone.

    Args:
        names: Of the trainable parameters, in the order of the network.

    Raises:
        ReveilError: there is no convolution.
    """
    if set(PAPER) <= set(names):
        return dict(PAPER)
    convolutions = [name for name in names if _CONVOLUTION.search(name)]
    if not convolutions:
        raise ReveilError(f"tensors: none of {', '.join(names)} is the weight of a convolution")
    count = min(2, len(convolutions) // 2)
    deep = convolutions[len(convolutions) - count :]
    shallow = convolutions[: max(count, 1)]
    return dict.fromkeys(shallow, SHALLOW) | dict.fromkeys(deep, DEEP)


def layer_rows(
    paths: Iterable[str | os.PathLike[str]], named: Mapping[str, object], points: int = MOST_POINTS
) -> pd.DataFrame:
    """Return the cosines of the chosen tensors, one row per image, tensor and iteration.

    Args:
        paths: Archives of one traced attack, with ``images`` (B,), ``cosines`` (B, T, tensors),
            ``cosine_iterations`` (T,) and ``cosine_tensors``, the names.
        named: Columns that say what is attacked: policy, seed and so on.
        points: Most iterations to keep, evenly spaced, the first and the last among them.

    Returns:
        The columns of ``named``, image, iteration, tensor, layer (shallow or deep) and cosine, NaN
        where the attack had failed.

    Raises:
        ReveilError: an archive that cannot be read or has no trace.
    """
    parts = [part for path in paths for part in _block(_read(path), named, points)]
    if not parts:
        raise ReveilError("layers: no archives were given")
    return pd.concat(parts, ignore_index=True)


def _read(path: str | os.PathLike[str]) -> dict[str, NDArray]:
    return read_npz(path, _ARRAYS, what="a traced attack")


def _block(
    arrays: Mapping[str, NDArray], named: Mapping[str, object], points: int
) -> list[pd.DataFrame]:
    names = [str(name) for name in arrays["cosine_tensors"]]
    iterations = arrays["cosine_iterations"]
    kept = np.unique(np.linspace(0, len(iterations) - 1, points).round().astype(int))
    count = len(arrays["images"])
    return [
        pd.DataFrame(
            {
                **named,
                "image": np.repeat(arrays["images"], len(kept)),
                "iteration": np.tile(iterations[kept], count),
                "tensor": tensor,
                "layer": layer,
                "cosine": arrays["cosines"][:, kept, names.index(tensor)].ravel(),
            }
        )
        for tensor, layer in chosen_tensors(names).items()
    ]
