"""The grammar of the generators' names, without importing PyTorch.

A name stands for a generator together with its discriminator.

==========================  ====================================================================
``unet[-w{n}]``             reconstructs: a small U-Net of widths n, 2n and 4n (16), for CPUs
``dcgan-unet[-w{n}]``       reconstructs: encoder and decoder of DCGAN with skip connections (64)
``pajot[-w{n}]``            reconstructs: residual blocks at full size (32), as UNIR's authors have
``variational[-w{n}]``      reconstructs through a latent map that is drawn in training (16)
``dcgan[-w{n}]``            samples: DCGAN, as in Guo et al. 2020 (64)
``ambient-celeba[-w{n}]``   samples: AmbientGAN's DCGAN for faces (64)
``ambient-mnist[-w{n}]``    samples: AmbientGAN's network without batch norm for digits (64)
``ambient-cifar[-w{n}]``    samples: AmbientGAN's residual network for CIFAR-10 (128)
==========================  ====================================================================

In brackets the width n of each name without ``-w{n}``.
"""

import re
from dataclasses import dataclass

from reveil.errors import ReveilError, nearest
from reveil.plugins import known

RECONSTRUCTORS = {"unet": 16, "dcgan-unet": 64, "pajot": 32, "variational": 16}
SAMPLERS = {"dcgan": 64, "ambient-celeba": 64, "ambient-mnist": 64, "ambient-cifar": 128}
WIDTHS = RECONSTRUCTORS | SAMPLERS
MAX_WIDTH = 256
EXAMPLES = tuple(WIDTHS)
ALLOWED = f"{', '.join(WIDTHS)}; with -w{{n}} (n up to {MAX_WIDTH}) for another width"
PATTERN = r"(?:unet|dcgan-unet|pajot|variational|dcgan|ambient-(?:celeba|mnist|cifar))(?:-w[0-9]+)?"

# The family of generators that plug-ins give, under whatever names: all reconstruct.
PLUGGED = "plug-in"
# Of their discriminators, which are those of ``unet``.
PLUGGED_WIDTH = WIDTHS["unet"]

_NAME = re.compile(rf"({'|'.join(WIDTHS)})(?:-w([1-9][0-9]*))?")


@dataclass(frozen=True)
class GeneratorArchitecture:
    """What the name of a generator stands for.

    Attributes:
        family: the name without its width, a key of ``WIDTHS``, or ``PLUGGED``.
        width: the number that its channels are multiples of; of a plug-in's those of its
            discriminator.
    """

    family: str
    width: int


def is_reconstructor(name: str) -> bool:
    """Return whether a name has the form of a generator's of this study, or is a plug-in's."""
    return re.fullmatch(pattern(), name) is not None


def pattern() -> str:
    """Return a regular expression for the names of all generators, those of plug-ins too."""
    return "|".join((PATTERN, *known.names(known.MODEL, known.UNIR)))


def reconstructs(name: str) -> bool:
    """Return whether a generator takes measurements; those that take noise can only sample.

    Raises:
        ReveilError: the name is not in the grammar.
    """
    return parse(name).family not in SAMPLERS


def parse(name: str) -> GeneratorArchitecture:
    """Return the architecture that a name stands for.

    Every architecture has one name only, because the name is part of the path of its weights.

    Raises:
        ReveilError: the name is not in the grammar, or another name is the one to use.
    """
    if match := _NAME.fullmatch(name):
        family, said = match[1], match[2]
        width = int(said or WIDTHS[family])
        if said and width == WIDTHS[family]:
            raise ReveilError(f"model: {name!r} is called {family!r} here")
        if width <= MAX_WIDTH:
            return GeneratorArchitecture(family, width)
    own = known.names(known.MODEL, known.UNIR)
    if name in own:
        return GeneratorArchitecture(PLUGGED, PLUGGED_WIDTH)
    hint = nearest(name, (*EXAMPLES, *own))
    raise ReveilError(
        f"model: {name!r} is not allowed; allowed: {', '.join((ALLOWED, *own))}"
        + (f"; did you mean {hint!r}?" if hint else "")
    )
