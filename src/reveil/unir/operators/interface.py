"""Measurement operators by their settings."""

from reveil.unir.operators.base import Operator
from reveil.unir.operators.blur import Blur
from reveil.unir.operators.extract import Extract
from reveil.unir.operators.masks import Identity, Pixels, Rectangle
from reveil.unir.operators.plugged import made
from reveil.unir.operators.projections import Project
from reveil.unir.operators.runs import RowRuns
from reveil.unir.operators.settings import OperatorSettings

__all__ = ["Operator", "make"]

_KINDS: dict[str, type[Operator]] = {
    "identity": Identity,
    "pixels": Pixels,
    "rectangle": Rectangle,
    "extract": Extract,
    "blur": Blur,
    "row-runs": RowRuns,
    "project": Project,
}


def make(settings: OperatorSettings, shape: tuple[int, int, int]) -> Operator:
    """Return the operator for images of a shape (C, H, W).

    Raises:
        ReveilError: images of this shape cannot be measured so.
    """
    kind = _KINDS.get(settings.kind)
    return made(settings, shape) if kind is None else kind(settings, shape)
