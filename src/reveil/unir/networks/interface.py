"""The two types of generators, which cannot be mixed up, and the discriminator.

A :class:`Reconstructor` takes a measurement; a :class:`Sampler` takes noise and has no way to take
a measurement, so that no reconstruction can be had from it (methods, section 3.5).
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from reveil.errors import ReveilError
from reveil.unir.networks.settings import Blueprint

CHUNK = 256


class Reconstructor(nn.Module, ABC):
    """G of Pajot et al. 2019: an image for each measurement.

    Attributes:
        blueprint: what it was built from.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        self.blueprint = blueprint

    @abstractmethod
    def values(self, y: Tensor) -> Tensor:
        """Return what the last layer gives, (B, C, H, W), unbounded, of measurements y."""

    def forward(self, y: Tensor) -> Tensor:
        """Return x_hat, (B, C, H, W) in [-1, 1], of measurements y, (B, C, H, W).

        With ``residual_output`` x_hat is y + tanh(.) as in the authors' code, not clipped: clipped
        values would teach nothing.
        """
        return self.finish(y, self.values(y))

    def finish(self, y: Tensor, values: Tensor) -> Tensor:
        """Return x_hat from what the last layer gave."""
        if self.blueprint.settings.residual_output:
            return y + values.tanh()
        return values.tanh()

    def noise(self, n: int, generator: torch.Generator) -> Tensor | None:
        """Return what :meth:`learn` needs for n measurements, drawn on the CPU.

        None, with nothing drawn, where reconstructions are deterministic in training, too.
        """
        return None

    def learn(self, y: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return x_hat as it is in training, and the divergence that is added to its loss.

        Args:
            y: measurements, (B, C, H, W).
            noise: from :meth:`noise`.

        Returns:
            x_hat, (B, C, H, W), and the divergence (B,) of a variational generator, in nats per
            value of an image, beside a mean squared error; None for all others.
        """
        return self(y), None


class Sampler(nn.Module, ABC):
    """A noise-to-image generator: it samples the law of images and reconstructs nothing.

    Attributes:
        blueprint: what it was built from.
        latent_size: numbers of noise per image.

    Raises:
        ReveilError: ``residual_output``, for which there is no measurement.
    """

    latent_size: int

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        if blueprint.settings.residual_output:
            raise ReveilError(
                f"reconstruction.residual_output: True is not allowed with {blueprint.model}, "
                "which takes no measurements; allowed: False"
            )
        self.blueprint = blueprint

    @abstractmethod
    def images(self, z: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of noise z (B, latent_size)."""

    def forward(self, z: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of noise z (B, latent_size).

        Raises:
            TypeError: z is not noise of this generator, but, for example, measurements.
        """
        if z.dim() != 2 or z.shape[1] != self.latent_size:
            raise TypeError(
                f"this generator takes noise (B, {self.latent_size}), not {tuple(z.shape)}: it "
                "samples images and reconstructs none"
            )
        return self.images(z)

    def latent(self, n: int, generator: torch.Generator) -> Tensor:
        """Return z, (n, latent_size) on the CPU: N(0, 1), or uniform from -1 to 1."""
        if self.blueprint.settings.latent == "uniform":
            return 2 * torch.rand(n, self.latent_size, generator=generator) - 1
        return torch.randn(n, self.latent_size, generator=generator)

    @torch.no_grad()
    def sample(
        self, n: int, generator: torch.Generator, device: str | torch.device = "cpu"
    ) -> Tensor:
        """Return n images (n, C, H, W) in [-1, 1] on ``device``, where the generator has to be.

        The noise is drawn on the CPU; no gradient is kept. In training mode, batch statistics are
        those of up to 256 images.
        """
        z = self.latent(n, generator).to(device)
        return torch.cat([self(chunk) for chunk in z.split(CHUNK)])


class Discriminator(nn.Module):
    """D: a logit for each measurement, image or pair of them; no sigmoid inside.

    Attributes:
        blueprint: what it and its generator were built from.
        measurement_shape: (C, H, W) or (k,) of what it judges, without the image of a pair.
        paired: whether it sees a measurement and an image, stacked on their channels.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        measurement_shape: tuple[int, ...],
        paired: bool,
        body: nn.Module,
    ) -> None:
        super().__init__()
        self.blueprint = blueprint
        self.measurement_shape, self.paired = measurement_shape, paired
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B,) of x: (B, C, H, W), (B, 2C, H, W) of pairs, or (B, k)."""
        return self.body(x).flatten()
