"""The grammar of model names: what a name means, without importing PyTorch.

========================  ===========================================================
``resnet20-{k}``          ResNet20 with base width 16k; ``resnet20-4`` is the papers'
``convnet[-9][-w{n}]``    ConvNet with 8 (or 9) convolutions and base width 64 (or n)
``lenetzhu``              the small sigmoid network of Zhu et al. 2019
========================  ===========================================================
"""

import re
from dataclasses import dataclass

from reveil.errors import ReveilError, nearest
from reveil.plugins import known

MAX_MULTIPLE = 16
MAX_WIDTH = 512
CONVNET_WIDTH = 64
ALLOWED = (
    f"resnet20-{{k}} (k from 1 to {MAX_MULTIPLE}), convnet, convnet-9, convnet-w{{n}} and "
    f"convnet-9-w{{n}} (n from 1 to {MAX_WIDTH}, other than {CONVNET_WIDTH}), lenetzhu"
)
# The family of networks that plug-ins give, under whatever names.
PLUGGED = "plug-in"
EXAMPLES = ("resnet20-4", "resnet20-1", "convnet", "convnet-9", "convnet-w16", "lenetzhu")

_RESNET = re.compile(r"resnet20-([1-9][0-9]*)")
_CONVNET = re.compile(r"convnet(-9)?(?:-w([1-9][0-9]*))?")


@dataclass(frozen=True)
class Architecture:
    """What a model name stands for.

    Attributes:
        family: ``resnet20``, ``convnet``, ``lenetzhu`` or ``PLUGGED``.
        width: channels of the first convolution; 0 of a plug-in's.
        layers: number of convolutions, shortcuts aside; 0 of a plug-in's.
    """

    family: str
    width: int
    layers: int


def has_batch_norm(name: str) -> bool:
    """Return whether a model normalises by batch statistics, as a plug-in's may.

    Raises:
        ReveilError: the name is not in the grammar.
    """
    return parse(name).family != "lenetzhu"


def parse(name: str) -> Architecture:
    """Return the architecture a name stands for.

    Every architecture has one name only, because the name is part of the path of its weights.

    Raises:
        ReveilError: the name is not in the grammar, or another name is the one to use.
    """
    if name == "lenetzhu":
        return Architecture("lenetzhu", width=12, layers=3)
    if match := _RESNET.fullmatch(name):
        multiple = int(match[1])
        if multiple <= MAX_MULTIPLE:
            return Architecture("resnet20", width=16 * multiple, layers=19)
    if match := _CONVNET.fullmatch(name):
        width = int(match[2] or CONVNET_WIDTH)
        if match[2] and width == CONVNET_WIDTH:
            raise ReveilError(f"model: {name!r} is called {name.removesuffix(f'-w{width}')!r} here")
        if width <= MAX_WIDTH:
            return Architecture("convnet", width=width, layers=9 if match[1] else 8)
    if known.find(known.MODEL, name, known.ATS):
        return Architecture(PLUGGED, width=0, layers=0)
    own = known.names(known.MODEL, known.ATS)
    hint = nearest(name, (*EXAMPLES, *own))
    raise ReveilError(
        f"model: {name!r} is not allowed; allowed: {', '.join((ALLOWED, *own))}"
        + (f"; did you mean {hint!r}?" if hint else "")
    )


def check_name(name: str) -> None:
    """Raise a ``ReveilError`` unless ``name`` is the name of a model."""
    parse(name)
