"""Defences of a shared gradient by name; what they do is in :mod:`reveil.defences`.

A name is a kind and its strength, ``prune-70`` or ``gaussian-1e-3``, and stands in paths: lower
case, digits and ``-``, so that a decimal point is written ``p`` (``prune-99p9``,
``gaussian-2p5e-3``), and a strength has one spelling. Used while the graph is planned, so it does
not import torch.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from reveil.errors import ReveilError, nearest
from reveil.plugins import known

NONE = "none"
PRUNE = ("prune", "prune-global")
NOISE = ("gaussian", "gaussian-rel", "laplacian")
HIGHEST_SCALE = 10
# The kind of all that plug-ins give.
PLUGGED = "plug-in"
GRAMMAR = (
    f"{NONE}, prune-{{p}}, prune-global-{{p}} (percent, above 0 and below 100, as 70 or 99p9), "
    f"gaussian-{{s}}, gaussian-rel-{{s}}, laplacian-{{s}} (above 0, up to {HIGHEST_SCALE}, as 1e-3 "
    "or 2p5e-2)"
)

# Other spellings of a strength are read too, so that the error can name the right one.
_NAME = re.compile(
    rf"({'|'.join(sorted((*PRUNE, *NOISE), key=len, reverse=True))})"
    r"-(\d{1,9}(?:[.p]\d{1,9})?(?:e[+-]?\d{1,2})?)"
)
# Enough for every number that _NAME reads.
_PLACES = 120
_EXAMPLES = (NONE, "prune-70", "prune-global-70", "gaussian-1e-3", "gaussian-rel-1e-1")
_EXAMPLES += ("laplacian-1e-3",)


@dataclass(frozen=True)
class Defence:
    """What is done to a gradient before anyone else sees it.

    Attributes:
        kind: ``none``, one of ``PRUNE`` and ``NOISE``, or ``PLUGGED``.
        value: percent of the entries that are pruned, or scale of the noise, exactly as the name
            says it; 0 for ``none`` and a plug-in's.
        own: name that a plug-in gives it; empty for the others.
    """

    kind: str
    value: Fraction
    own: str = ""

    @property
    def name(self) -> str:
        """The one name of the defence."""
        if self.kind == NONE:
            return NONE
        if self.own:
            return self.own
        spell = _decimal if self.kind in PRUNE else _scientific
        return f"{self.kind}-{spell(self.value)}"


def parse(name: str) -> Defence:
    """Return the defence that ``name`` spells out.

    Raises:
        ReveilError: an unknown kind, a strength out of range, or another spelling of one.
    """
    if name == NONE:
        return Defence(NONE, Fraction(0))
    if known.find(known.DEFENCE, name):
        return Defence(PLUGGED, Fraction(0), name)
    match = _NAME.fullmatch(name)
    if match is None:
        own = known.names(known.DEFENCE)
        hint = nearest(name, (*_EXAMPLES, *own))
        message = f"defence: {name!r} is not allowed; allowed: {', '.join((GRAMMAR, *own))}"
        raise ReveilError(f"{message}; did you mean {hint!r}?" if hint else message)
    defence = Defence(match[1], Fraction(match[2].replace("p", ".")))
    if problem := _out_of_range(defence):
        raise ReveilError(f"defence: {match[2]} in {name!r} is not allowed; allowed: {problem}")
    if defence.name != name:
        raise ReveilError(
            f"defence: {name!r} is not how paths spell it; did you mean {defence.name!r}?"
        )
    return defence


def _out_of_range(defence: Defence) -> str | None:
    """Return what the strength may be, if it is something else."""
    if defence.kind in PRUNE:
        return None if 0 < defence.value < 100 else "above 0 and below 100"
    return None if 0 < defence.value <= HIGHEST_SCALE else f"above 0, up to {HIGHEST_SCALE}"


def _scientific(value: Fraction) -> str:
    exponent = 0
    while value < 1:
        value, exponent = value * 10, exponent - 1
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    return f"{_decimal(value)}e{exponent}"


def _decimal(value: Fraction) -> str:
    """Return a number as paths spell it: no trailing zeros, and ``p`` for the point."""
    whole, rest = divmod(value, 1)
    places = str(int(rest * 10**_PLACES)).zfill(_PLACES).rstrip("0")
    return f"{whole}p{places}" if places else str(whole)
