"""What every measurement operator can do."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.unir.operators.settings import OperatorSettings, shape_problems


class Operator(ABC):
    """F of section 1.1: y = F(x; theta), with the noise as a part of theta.

    What is random is drawn by :meth:`sample_theta`, on the CPU; the other methods draw nothing and
    work on the device of what they are given.

    Attributes:
        settings: what it does.
        shape: (C, H, W) of the images.
        output_shape: of one measurement: ``shape``, or (L,) of a projection.
    """

    def __init__(self, settings: OperatorSettings, shape: tuple[int, int, int]) -> None:
        """Make the operator for images of a shape (C, H, W).

        Raises:
            ReveilError: images of this shape cannot be measured so.
        """
        problems = shape_problems(settings, shape)
        if problems:
            raise ReveilError(f"operator {settings.name!r}: " + "; ".join(problems))
        self.settings = settings
        self.shape = shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one measurement."""
        return self.shape

    @property
    def observable(self) -> bool:
        """Whether the mask can be read off y (section 2.3)."""
        return self.settings.observable

    @abstractmethod
    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw theta for n images, independently of each other.

        Returns:
            (n, ...) on the CPU, of the same form whatever n is.
        """

    @abstractmethod
    def apply(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return y = F(x; theta), noise included; differentiable in x.

        Args:
            x: (n, C, H, W) in [-1, 1].
            theta: (n, ...) of :meth:`sample_theta`, on the device of x.

        Returns:
            ``(n, *output_shape)`` in the precision of x.
        """

    def without_noise(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return F(x; theta) without the noise of theta (AMBIGUITY 3, section 1.4)."""
        return self.apply(x, theta)

    def mask(self, theta: Tensor) -> Tensor | None:
        """Return (n, C or 1, H, W) float32, 1 where a value is observed.

        Returns:
            None where a measurement is not the image with values missing.
        """
        return None

    def observed(self, y: Tensor) -> Tensor | None:
        """Return the mask as it is read off measurements (n, C, H, W), in the form of ``mask``.

        Returns:
            None where it cannot be read (section 2.3).
        """
        return None

    def observed_values(self, y: Tensor) -> Tensor:
        """Return y on the scale of x, to be copied where values are observed."""
        return y

    def missing_rate(self, theta: Tensor) -> Tensor | None:
        """Return (n,), the share of an image's values that is really missing; None without mask."""
        mask = self.mask(theta)
        return None if mask is None else 1 - mask.flatten(1).mean(1)
