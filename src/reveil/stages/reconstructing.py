"""Measure a block of images, reconstruct it, and judge each reconstruction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reveil.digest import file_digest
from reveil.records import Records
from reveil.stages.attacking import KEYS
from reveil.stages.measuring import Measuring, as_bytes, evenly
from reveil.stages.work import Work, block_positions
from reveil.unir import weights
from reveil.unir.judging import judge
from reveil.unir.methods import MethodSettings, from_values
from reveil.unir.operators.base import Operator
from reveil.unir.operators.measurements import measured_again
from reveil.unir.reconstruct.interface import (
    Known,
    Reconstruction,
    hard_consistency,
    reconstruct,
)

# Training measurements that a mean image is the mean of: its error falls with their number as that
# of any mean, and is far below that of one image.
MEASUREMENTS = 5000


@dataclass(frozen=True)
class ReconstructedBlock:
    """A row per image, the pictures, and what they depend on.

    Attributes:
        arrays: ``index`` (B,); ``clean`` and ``reconstruction``, (B, C, H, W) uint8; ``measured``,
            (B, ...) float16 in [-1, 1] but for noise; where there is a mask ``mask``, bool, and
            ``consistent``, uint8, the reconstruction with observed values copied in; and of a
            network ``remeasured``, float16, its reconstruction measured again.
    """

    rows: Records
    arrays: dict[str, np.ndarray]
    identity: dict[str, Any]


def reconstruct_block(
    work: Work, *, prepared: str, policy: str, weights: str | None = None
) -> ReconstructedBlock:
    """Measure, reconstruct and judge.

    The measurement of an image follows from seed, split and number: it is the same for all methods
    and whatever else is in its block.

    Args:
        work: ``named`` holds the keys of the rows and the block, ``switches`` the recipe (of
            methods without a network its images alone), ``scene``, ``test_corruption`` and
            ``reconstruction``, the preset of the method.
        prepared: path of an array of the prepared dataset.
        policy: path of the file of the operator.
        weights: checkpoint of the network, where the method needs one.

    Raises:
        ReveilError: a file is missing or damaged, or the method does not apply.
    """
    switches, named = work.switches, work.named
    measuring = Measuring.open(work, prepared, policy)
    operator, holdout = measuring.operator, measuring.recipe["holdout"]
    method = from_values(named["attack"], switches["reconstruction"])
    rule = switches["scene"]["images"]
    split = "test" if rule["split"] == "test" else "train"
    picked = measuring.splits.pick(rule, holdout, block_positions(named["block"]))
    measured = measuring.measurements(split, picked.index, switches["test_corruption"])
    rows, index = range(len(measured)), picked.index.tolist()
    x, y, theta = measured.clean(rows), measured.y(rows), measured.theta(rows)
    found = reconstruct(
        y.to(work.job.device), index, method, _known(work, measuring, method, weights)
    )
    judged = judge(found, x, y, theta, operator, index=index, labels=picked.labels.tolist())
    table = Records({**{key: named[key] for key in KEYS}, **row} for row in judged)
    arrays = pictures(found, x, y, operator, index)
    if method.method == "network":
        again = measured_again(found.images, operator, work.seed, index)
        arrays["remeasured"] = _halves(again)
    digest = {} if weights is None else {"weights": file_digest(weights)}
    return ReconstructedBlock(table, arrays, work.identity(**measuring.facts, **digest))


def pictures(
    found: Reconstruction, x: Tensor, y: Tensor, operator: Operator, index: list[int]
) -> dict[str, np.ndarray]:
    """Return what every method leaves of :class:`ReconstructedBlock`'s arrays."""
    arrays = {
        "index": np.array(index, dtype=np.int64),
        "clean": as_bytes(x),
        "measured": _halves(y),
        "reconstruction": as_bytes(found.images),
    }
    mask = operator.observed(y)
    if mask is not None:
        whole = hard_consistency(found.images, operator.observed_values(y), mask)
        arrays |= {"mask": mask.bool().numpy(), "consistent": as_bytes(whole)}
    return arrays


def _halves(values: Tensor) -> np.ndarray:
    return values.nan_to_num(0).half().numpy()


def _known(work: Work, measuring: Measuring, method: MethodSettings, path: str | None) -> Known:
    """Return what a method may use: of other images at most their measurements."""
    made: Mapping[str, Any] = {}
    if method.method == "network" and path is not None:
        made = {"network": _network(path, method, work.job.device)}
    elif method.method == "mean-image":
        made = {"training": _some_measurements(measuring).to(work.job.device)}
    return Known(measuring.operator, work.seed, **made)


def _network(path: str, method: MethodSettings, device: torch.device | str) -> Any:
    if method.weights == "averaged":
        return weights.load_averaged(path, device)
    return weights.load(path, device)[0]


def _some_measurements(measuring: Measuring) -> Tensor:
    """Return measurements of training images, evenly spaced where there are more than enough."""
    chosen = measuring.training()
    measured = measuring.measurements("train", chosen[evenly(len(chosen), MEASUREMENTS)])
    return measured.y(range(len(measured)))
