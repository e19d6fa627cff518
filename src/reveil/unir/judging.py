"""The judge of reconstructions: how close each came to the image that was hidden."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.similarity import psnr, ssim
from reveil.unir.operators.base import Operator
from reveil.unir.reconstruct.interface import Reconstruction, hard_consistency

_WHOLE = ("mse_pm1", "mse_01", "psnr_db", "ssim")
# The columns that say something of a reconstruction: empty where it failed.
MEASURES = (
    *_WHOLE,
    *(f"{name}_dc" for name in _WHOLE),
    *("mse_pm1_missing", "mse_01_missing", "psnr_missing_db", "residual"),
)
COLUMNS = ("image", "label", *MEASURES, "missing_share", "wall_seconds", "status", "reason")


def judge(
    reconstruction: Reconstruction,
    x: Tensor,
    y: Tensor,
    theta: Tensor,
    operator: Operator,
    *,
    index: Sequence[int],
    labels: Sequence[int],
) -> list[dict[str, Any]]:
    """Compare reconstructions with the hidden images; return one row of the table per image.

    The columns are ``COLUMNS``, always all of them; one that does not apply is NaN. ``mse_pm1`` is
    on the scale [-1, 1] and ``mse_01``, a quarter of it, on [0, 1]; nothing is clipped for them or
    for ``psnr_db``, 10 log10(4 / mse_pm1) (section 5.2). ``ssim`` has an 11x11 Gaussian window and
    data range 2 on x + 1, which is 1 on [0, 1], where it clips. ``_dc`` is the same after hard
    consistency, where the mask can be read off y; ``_missing`` counts missing values alone;
    ``residual`` is the mean squared difference of y and the reconstruction measured again with
    the theta of y and no noise, on observed values where there is a mask. Under noise the image
    itself has a residual: its variance.

    Args:
        x: (B, C, H, W), the hidden images in [-1, 1].
        y: (B, *output_shape), their measurements.
        theta: (B, ...), what these were made with.
        index: (B,) numbers of the images in their split.
        labels: (B,) their classes.

    Raises:
        ReveilError: not a reconstruction, as samples of noise are none; or not of these images.
    """
    if not isinstance(reconstruction, Reconstruction):
        raise ReveilError(
            f"judge: {type(reconstruction).__name__} is not allowed, as it was made of no "
            "measurement; allowed: Reconstruction"
        )
    found, truth, y, theta = (t.cpu() for t in (reconstruction.images, x, y, theta))
    _check(found, truth, y, index, labels)
    count = len(truth)
    reasons = _failed(found)
    mask = operator.mask(theta)
    columns: dict[str, Any] = {
        "image": list(index),
        "label": list(labels),
        **_whole(found, truth),
        **_consistent(found, truth, y, operator),
        **_missing(found, truth, mask),
        "residual": _residual(found, y, theta, operator, mask),
        "missing_share": operator.missing_rate(theta),
        "wall_seconds": [reconstruction.seconds] * count,
        "status": ["failed" if reason else "ok" for reason in reasons],
        "reason": reasons,
    }
    return _rows(columns, count)


def _whole(found: Tensor, truth: Tensor, suffix: str = "") -> dict[str, Tensor]:
    error = (found.double() - truth.double()).square().flatten(1).mean(1)
    unit, reference = ((t.double() + 1) / 2 for t in (found, truth))
    values = error, error / 4, psnr(unit, reference), ssim(unit, reference)
    return {f"{name}{suffix}": value for name, value in zip(_WHOLE, values, strict=True)}


def _consistent(
    found: Tensor, truth: Tensor, y: Tensor, operator: Operator
) -> dict[str, Tensor | None]:
    mask = operator.observed(y)
    if mask is None:
        return {f"{name}_dc": None for name in _WHOLE}
    return _whole(hard_consistency(found, operator.observed_values(y), mask), truth, "_dc")


def _missing(found: Tensor, truth: Tensor, mask: Tensor | None) -> dict[str, Tensor | None]:
    """Return errors over missing values; NaN for an image that misses none."""
    names = "mse_pm1_missing", "mse_01_missing", "psnr_missing_db"
    if mask is None:
        return dict.fromkeys(names)
    missing = ~mask.bool().expand_as(truth)
    squares = torch.where(missing, (found.double() - truth.double()).square(), 0)
    error = squares.flatten(1).sum(1) / missing.flatten(1).sum(1)
    return dict(zip(names, (error, error / 4, 10 * torch.log10(4 / error)), strict=True))


def _residual(
    found: Tensor, y: Tensor, theta: Tensor, operator: Operator, mask: Tensor | None
) -> Tensor:
    again = operator.without_noise(found.to(y), theta)
    squares = (again.double() - y.double()).square()
    if mask is None:
        return squares.flatten(1).mean(1)
    observed = mask.bool().expand_as(squares)
    return torch.where(observed, squares, 0).flatten(1).sum(1) / observed.flatten(1).sum(1)


def _failed(found: Tensor) -> list[str]:
    """Return why each reconstruction failed, empty where it did not."""
    finite = found.flatten(1).isfinite().all(1).tolist()
    return ["" if whole else "the reconstruction is not finite" for whole in finite]


def _check(
    found: Tensor, truth: Tensor, y: Tensor, index: Sequence[int], labels: Sequence[int]
) -> None:
    if found.shape != truth.shape:
        raise ReveilError(
            f"reconstruction.images: shape {tuple(found.shape)} is not allowed; allowed: that of "
            f"the images, {tuple(truth.shape)}"
        )
    for name, values in (("y", y), ("index", index), ("labels", labels)):
        if len(values) != len(truth):
            raise ReveilError(f"{name}: {len(values)} for {len(truth)} images; allowed: one each")


def _rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    lists = {
        name: column.tolist()
        if isinstance(column, Tensor)
        else column
        if column is not None
        else [math.nan] * count
        for name, column in columns.items()
    }
    rows = [{name: lists[name][i] for name in COLUMNS} for i in range(count)]
    for row in rows:
        if row["status"] != "ok":
            row |= dict.fromkeys(MEASURES, math.nan)
    return rows
