"""What a recipe says about the networks themselves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from reveil.errors import ReveilError, not_allowed
from reveil.unir.names import GeneratorArchitecture, parse

CHOICES: dict[str, tuple[object, ...]] = {
    "gan_loss": ("bce", "least-squares", "hinge", "wgan-gp"),
    "init": ("normal", "orthogonal"),
    "residual_output": (False, True),
    "spectral_norm": ("none", "critic", "both"),
    "attention": (False, True),
    "latent": ("normal", "uniform"),
}
CHANNELS = (1, 3)
MIN_SIZE = 8


@dataclass(frozen=True)
class NetworkSettings:
    """The keys of ``recipe.reconstruction`` that shape generator and discriminator.

    Attributes:
        gan_loss: with ``wgan-gp`` the discriminator has no batch norm.
        init: first weights N(0, 0.02), or orthogonal as UNIR's authors have them.
        residual_output: whether a reconstruction is y + tanh(.) instead of tanh(.).
        spectral_norm: of all weights of the critic, or of both networks; a critic has no batch
            norm with it.
        attention: whether a map of a quarter of the image's side attends to itself, where there
            is one.
        latent: what samplers draw: N(0, 1), or uniform from -1 to 1.

    Raises:
        ReveilError: a value outside its closed set.
    """

    gan_loss: str = "bce"
    init: str = "normal"
    residual_output: bool = False
    spectral_norm: str = "none"
    attention: bool = False
    latent: str = "normal"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ReveilError(not_allowed(f"reconstruction.{name}", value, allowed))

    @classmethod
    def from_recipe(cls, reconstruction: Mapping[str, object]) -> "NetworkSettings":
        """Take the network's keys out of ``recipe.reconstruction``; what is absent is as above.

        Raises:
            ReveilError: a value outside its closed set.
        """
        names = [field.name for field in fields(cls)]
        return cls(**{name: reconstruction[name] for name in names if name in reconstruction})

    def to_dict(self) -> dict[str, object]:
        """Return all keys with their values."""
        return asdict(self)


@dataclass(frozen=True)
class Blueprint:
    """What a network is built from.

    Attributes:
        model: see :mod:`reveil.unir.names`.
        channels: of the images, 1 or 3.
        size: height and width of the images in pixels.
        settings: what the recipe says about it.
    """

    model: str
    channels: int
    size: int
    settings: NetworkSettings

    def __post_init__(self) -> None:
        parse(self.model)
        if self.channels not in CHANNELS:
            raise ReveilError(not_allowed("channels", self.channels, CHANNELS))
        if self.size < MIN_SIZE:
            raise ReveilError(
                f"size: {self.size!r} is not allowed; allowed: {MIN_SIZE} pixels or more"
            )

    @property
    def architecture(self) -> GeneratorArchitecture:
        """The family and width of ``model``."""
        return parse(self.model)
