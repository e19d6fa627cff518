"""The published numbers of the study: which belongs beside which row, and in which unit.

Xiang et al. 2020 give reconstruction errors as RMSE with pixels in [0, 1], as their code of 2022
computes it; Knijff et al. 2021 as MSE with pixels in [-1, 1], which is 4 RMSE^2 (methods 3.5).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reveil import datasets
from reveil.cvnn.names import PLUGGED, WIDTHS, is_private, parse
from reveil.cvnn.tables.labels import SOURCE_TITLES
from reveil.errors import ReveilError, not_allowed
from reveil.tables.labels import NOT_AVAILABLE, dataset_title, private_family

RMSE = "RMSE, [0, 1]"
MSE = "MSE, [-1, 1]"
_UNITS = {"original": RMSE, "knijff2021": MSE}
RECONSTRUCTION = "reconstruction_error"
CLASSIFICATION = "classification_error_percent"
ANGLE = "average_angle_error_rad"
MINUTES = "average_runtime_minutes"

# What a note calls the network of its number; a number that says nothing is of a complex network.
COMPLEX = "complex-valued DNN"
_NETWORKS = (
    *("original DNN", "DNN with additional layers"),
    *("noisy DNN gamma=0.2", "noisy DNN gamma=0.5", "noisy DNN gamma=1.0"),
)
# Our protection -> whose numbers belong beside it. Variants that no paper has numbers of have none.
_PROTECTIONS = {
    "none": _NETWORKS[0],
    "additional": _NETWORKS[1],
    "noisy-20": _NETWORKS[2],
    "noisy-20-shared": _NETWORKS[2],
    "noisy-50": _NETWORKS[3],
    "noisy-50-shared": _NETWORKS[3],
    "noisy-100": _NETWORKS[4],
    "noisy-100-shared": _NETWORKS[4],
    "rotation": COMPLEX,
    "report-old": COMPLEX,
    "report-clip": COMPLEX,
    "released": COMPLEX,
}
# A dataset of ours whose title is not what the papers call it, by the beginning of its title.
_DATASETS = ("CUB-200", "CelebA")
# Published attack -> how ours of that kind begin.
_ATTACKS = {
    "inversion1": "inversion1",
    "inversion2": "inversion2",
    "inversion2 (inferred)": "inversion2",
    "inversion (unprotected features)": "inversion",
}


@dataclass(frozen=True)
class Printed:
    """A published reconstruction error in both units.

    Attributes:
        value: as printed.
        unit: of ``value``, ``RMSE`` or ``MSE``.
        rmse: root mean squared error, pixels in [0, 1].
        mse_pm1: mean squared error, pixels in [-1, 1].
    """

    value: float
    unit: str
    rmse: float
    mse_pm1: float


def printed(row: pd.Series) -> Printed:
    """Return a published reconstruction error in both units.

    Args:
        row: of the published numbers, with ``source``, ``value`` and ``note``. The note decides the
            unit where it says one, else the source.

    Raises:
        ReveilError: a source whose unit is not known.
    """
    value, note = float(row["value"]), str(row["note"])
    source = str(row["source"])
    if "RMSE with pixels in [0;1]" in note:
        unit = RMSE
    elif "MSE with pixels in [-1;1]" in note:
        unit = MSE
    elif source in _UNITS:
        unit = _UNITS[source]
    else:
        raise ReveilError(not_allowed("source", source, _UNITS))
    if unit == RMSE:
        return Printed(value, unit, value, 4 * value**2)
    return Printed(value, unit, math.sqrt(value) / 2, value)


def network_of(note: Any) -> str:
    """Return what kind of network a note says that a published number is of."""
    return next((name for name in _NETWORKS if name in str(note)), COMPLEX)


def find(
    published: pd.DataFrame,
    experiments: str | Sequence[str],
    source: str,
    metric: str,
    *,
    dataset: str,
    model: str,
    policy: str | None = None,
    attack: str | None = None,
) -> pd.Series | None:
    """Return the row of the published numbers that belongs beside a row of ours, if there is one.

    A network has the numbers of its name in the papers whatever its cut, but only at its width; a
    protection those of the kind of network it is, and none if it is a variant that no paper has
    numbers of. Where several experiments have a number, the one named first does.

    Args:
        published: Rows of config/published.csv.
        experiments: Experiments to look in, ``cvnn-exp02``.
        source: ``original`` or ``knijff2021``.
        metric: One of the published metrics.
        dataset: Our name of the dataset.
        model: Our name of the model.
        policy: Name of the protection; None for a number that is of no one.
        attack: Our name of the attack; None for a number without one.

    Raises:
        ReveilError: an unknown source.
    """
    if source not in SOURCE_TITLES:
        raise ReveilError(not_allowed("source", source, SOURCE_TITLES))
    if policy is not None and policy not in _PROTECTIONS:
        return None
    wanted = [experiments] if isinstance(experiments, str) else list(experiments)
    rows = published[
        published["experiment"].isin(wanted)
        & (published["source"] == source)
        & (published["metric"] == metric)
        & (published["model"] == _model_name(model))
    ]
    rows = rows[rows["dataset"].map(lambda name: _same_dataset(str(name), dataset)).astype(bool)]
    if policy is not None:
        rows = rows[rows["note"].map(network_of) == _PROTECTIONS[policy]]
    if attack is not None:
        begins = rows["attack"].map(lambda name: _ATTACKS.get(str(name), str(name)))
        rows = rows[[attack.startswith(begin) for begin in begins]]
    first = sorted(range(len(rows)), key=lambda at: wanted.index(rows["experiment"].iloc[at]))
    return rows.iloc[first[0]] if first else None


def value_columns(
    published: pd.DataFrame, experiments: str | Sequence[str], metric: str, **keys: Any
) -> dict[str, Hashable]:
    """Return what each source prints, by source; the arguments are those of :func:`find`."""
    found = {
        source: find(published, experiments, source, metric, **keys) for source in SOURCE_TITLES
    }
    return {s: NOT_AVAILABLE if row is None else float(row["value"]) for s, row in found.items()}


def error_columns(
    published: pd.DataFrame, experiments: str | Sequence[str], **keys: Any
) -> dict[str, Hashable]:
    """Return each source's reconstruction error as printed, with its unit and in both units.

    The arguments are those of :func:`find`; ``{source}_{printed,unit,rmse,mse_pm1}``.
    """
    columns: dict[str, Hashable] = {}
    for source in SOURCE_TITLES:
        row = find(published, experiments, source, RECONSTRUCTION, **keys)
        cells: tuple[Hashable, ...] = (NOT_AVAILABLE,) * 4
        if row is not None:
            error = printed(row)
            cells = error.value, error.unit, error.rmse, error.mse_pm1
        names = (f"{source}_{name}" for name in ("printed", "unit", "rmse", "mse_pm1"))
        columns |= dict(zip(names, cells, strict=True))
    return columns


def _model_name(model: str) -> str | None:
    """Return what the papers call a model; None for one of another width, or of a plug-in."""
    if not is_private(model) or (shape := parse(model)).family == PLUGGED:
        return None
    usual = shape.width == WIDTHS[shape.family] or model == "lenet-report"
    return private_family(model) if usual else None


def _same_dataset(published_name: str, dataset: str) -> bool:
    title = dataset_title(dataset)
    if published_name == "CIFAR-10/100 (not stated)":
        return title in ("CIFAR-10", "CIFAR-100")
    if published_name in _DATASETS:
        return title.startswith(published_name) and not datasets.get(dataset).synthetic
    return published_name == title
