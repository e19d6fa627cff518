"""The grammar of the private networks' names, without importing PyTorch.

==============================================  ==============================================
``resnet{d}-{alpha|beta}[-authors][-w{n}]``     CIFAR ResNet of depth d (20, 32, 44, 56, 110),
                                                cut as in the report's or the authors' code
``lenet-authors[-w{n}]``, ``lenet-report``      the LeNet of either code
``vgg16[-w{n}]``, ``alexnet[-w{n}]``            as read from the original paper
==============================================  ==============================================
"""

import re
from dataclasses import dataclass

from reveil.errors import ReveilError, nearest
from reveil.plugins import known

DEPTHS = (20, 32, 44, 56, 110)
WIDTHS = {"resnet": 16, "lenet": 32, "vgg16": 64, "alexnet": 64}
MAX_WIDTH = 256
ALLOWED = (
    "resnet{d}-alpha and resnet{d}-beta (d 20, 32, 44, 56 or 110), lenet-authors, lenet-report, "
    "vgg16, alexnet; with -authors for the other cut of a ResNet, and -w{n} (n up to "
    f"{MAX_WIDTH}) for another width"
)
EXAMPLES = (
    *(f"resnet{depth}-{variant}" for depth in DEPTHS for variant in ("alpha", "beta")),
    "resnet20-alpha-authors",
    "lenet-authors",
    "lenet-report",
    "vgg16",
    "alexnet",
)
PATTERN = (
    r"resnet(?:20|32|44|56|110)-(?:alpha|beta)(?:-authors)?(?:-w[0-9]+)?|lenet-authors(?:-w[0-9]+)?|"
    r"lenet-report|(?:vgg16|alexnet)(?:-w[0-9]+)?"
)

# The family of networks that plug-ins give, under whatever names.
PLUGGED = "plug-in"

_RESNET = re.compile(r"resnet([0-9]+)-(alpha|beta)(-authors)?(?:-w([1-9][0-9]*))?")
_OTHER = re.compile(r"(lenet-authors|vgg16|alexnet)(?:-w([1-9][0-9]*))?")


@dataclass(frozen=True)
class PrivateArchitecture:
    """What the name of a private network stands for.

    Attributes:
        family: ``resnet``, ``lenet``, ``vgg16``, ``alexnet`` or ``PLUGGED``.
        split: whose cut into encoder, processing and decoder: ``report`` or ``authors``; empty of a
            plug-in's.
        width: channels of the first convolution (3 where ``lenet-report`` fixes them); 0 of a
            plug-in's.
        depth: layers of a ResNet, 0 for the others.
        variant: ``alpha`` or ``beta`` for a ResNet, empty for the others.
        plugin: the name of a plug-in's, empty for the others.
    """

    family: str
    split: str
    width: int
    depth: int = 0
    variant: str = ""
    plugin: str = ""


def is_private(name: str) -> bool:
    """Return whether a name has the form of a private network's, or is that of a plug-in's."""
    return re.fullmatch(pattern(), name) is not None


def pattern() -> str:
    """Return a regular expression for the names of all private networks, those of plug-ins too."""
    return "|".join((PATTERN, *known.names(known.MODEL, known.CVNN)))


def parse(name: str) -> PrivateArchitecture:
    """Return the architecture that a name stands for.

    Every architecture has one name only, because the name is part of the path of its weights.

    Raises:
        ReveilError: the name is not in the grammar, or another name is the one to use.
    """
    if name == "lenet-report":
        return PrivateArchitecture("lenet", "report", width=3)
    if match := _RESNET.fullmatch(name):
        depth, variant = int(match[1]), match[2]
        if depth in DEPTHS:
            width = _width(name, "resnet", match[4])
            split = "authors" if match[3] else "report"
            return PrivateArchitecture("resnet", split, width, depth, variant)
    if match := _OTHER.fullmatch(name):
        family = match[1].removesuffix("-authors")
        return PrivateArchitecture(family, "authors", _width(name, family, match[2]))
    own = known.names(known.MODEL, known.CVNN)
    if name in own:
        return PrivateArchitecture(PLUGGED, "", width=0, plugin=name)
    hint = nearest(name, (*EXAMPLES, *own))
    raise ReveilError(
        f"model: {name!r} is not allowed; allowed: {', '.join((ALLOWED, *own))}"
        + (f"; did you mean {hint!r}?" if hint else "")
    )


def _width(name: str, family: str, said: str | None) -> int:
    usual = WIDTHS[family]
    width = int(said or usual)
    if said and width == usual:
        raise ReveilError(f"model: {name!r} is called {name.removesuffix(f'-w{width}')!r} here")
    if width > MAX_WIDTH:
        raise ReveilError(f"model: {name!r} is not allowed; allowed: widths up to {MAX_WIDTH}")
    return width
