"""Checks of the measurement operators: their keys go together, and what is set has an effect."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil.config import effects
from reveil.config.study import Study
from reveil.unir.operators.settings import USED_BY, relation_problems

Values = Mapping[str, Any]


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong; what a preset has from the one it stands on is told of that one."""
    yield from effects.told(study, "operators", _alone)


def _alone(values: Values, default: Values) -> Iterator[tuple[str, str]]:
    for message in relation_problems(values):
        part, _, said = message.partition(": ")
        yield part, said
    yield from effects.without_effect(values, default, "kind", USED_BY)
