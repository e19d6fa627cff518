"""Checks of the reconstructions: what one sets has an effect."""

from collections.abc import Iterator
from functools import partial

from reveil.config import effects
from reveil.config.study import Study
from reveil.unir.methods import USED_BY


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong; what a preset has from the one it stands on is told of that one."""
    alone = partial(effects.without_effect, chosen_by="method", used_by=USED_BY)
    yield from effects.told(study, "reconstructions", alone)
