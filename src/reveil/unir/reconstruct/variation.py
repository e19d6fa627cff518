"""Total variation: missing values, or a sharp image, that vary as little as can be."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reveil.progress import Progress
from reveil.unir.reconstruct.blurring import blur_of
from reveil.unir.reconstruct.interface import Method
from reveil.unir.reconstruct.observed import mean_filled, seen

# Of Adam (Kingma and Ba 2015).
BETAS = (0.9, 0.999)


class Variation(Method):
    """The image of least sum sqrt(dx^2 + dy^2 + delta), by Adam (section 8.2).

    Observed values are fixed, and the missing ones start from the mean of the others. For blurred
    images there is half the squared error of the measurement beside ``weight`` times the sum, and
    the start is the measurement. Every image is a problem of its own: neither cost nor optimiser
    joins them.
    """

    chunk = 32

    @torch.enable_grad()
    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        operator = self.known.operator
        if operator.observable:
            values, mask = seen(y, operator)
            image = mean_filled(values, mask)

            def cost(x: Tensor) -> Tensor:
                return total_variation(torch.where(mask, values, x), self.settings.delta).sum()

            return torch.where(mask, values, self._least(cost, image))
        blur = blur_of(operator)

        def cost(x: Tensor) -> Tensor:
            misfit = (blur(x) - y).square().sum() / 2
            return misfit + self.settings.weight * total_variation(x, self.settings.delta).sum()

        return self._least(cost, y.clamp(-1, 1))

    def _least(self, cost: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
        x, steps = start.clone().requires_grad_(), self.settings.iterations
        first, second = torch.zeros_like(start), torch.zeros_like(start)
        progress = Progress(f"total variation of {len(x)} images, iterations", steps, ends=False)
        for step in range(steps):
            (gradient,) = torch.autograd.grad(cost(x), [x])
            first.lerp_(gradient, 1 - BETAS[0])
            second.lerp_(gradient.square(), 1 - BETAS[1])
            # Adam's steps do not get shorter by themselves, and would end in a zigzag.
            rate = self.settings.learning_rate * (1 - step / steps)
            scale = (second / (1 - BETAS[1] ** (step + 1))).sqrt_().add_(1e-8)
            with torch.no_grad():
                x.addcdiv_(first, scale, value=-rate / (1 - BETAS[0] ** (step + 1)))
            progress.step()
        return x.detach().clamp(-1, 1)


def total_variation(x: Tensor, delta: float) -> Tensor:
    """Return (B,) sums over places and channels of sqrt(dx^2 + dy^2 + delta).

    Differences are those to the next row and column, 0 beyond the last.

    Args:
        x: (B, C, H, W).
    """
    down = torch.diff(x, dim=-2, append=x[..., -1:, :])
    right = torch.diff(x, dim=-1, append=x[..., -1:])
    return (down.square() + right.square() + delta).sqrt().flatten(1).sum(1)


METHODS = {"tv": Variation}
