"""Layers that commute with a rotation of a complex map, on stacked real tensors.

Every layer satisfies Phi(exp(i t) x) = exp(i t) Phi(x) (Xiang et al. 2020, section 3.2). A stacked
map is (2B, C, H, W): the B real parts, then the B imaginary ones (:mod:`reveil.cvnn.stacked`).
What is linear, without bias and with real weights needs no layer of its own: ``nn.Conv2d``,
``nn.Linear``, average pooling and padding act on the stack as on any batch.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, dropout, linear, max_pool2d, pad

from reveil.cvnn.coefficients import EPSILON, moduli, normalise, shrink
from reveil.cvnn.stacked import parts, square_modulus, stack

MOMENTUM = 0.1


class ComplexConv2d(nn.Module):
    """A convolution with complex weights and no bias (Trabelsi et al. 2018, section 3.2).

    Three real convolutions instead of four: with t1 = w_r f_r, t2 = w_i f_i and
    t3 = (w_r + w_i)(f_r + f_i), the result is t1 - t2 + i (t3 - t1 - t2). On a CPU this took less
    time than one convolution of parts stacked along the channels, and than PyTorch's own.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.real = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.imaginary = nn.Parameter(torch.empty(self.real.shape))
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        def convolve(features: Tensor, weight: Tensor) -> Tensor:
            return conv2d(features, weight, stride=self.stride, padding=self.padding)

        return _complex_product(convolve, x, self.real, self.imaginary)


class ComplexLinear(nn.Module):
    """A linear layer with complex weights and no bias, for stacked (2B, inputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.real = nn.Parameter(torch.empty(outputs, inputs))
        self.imaginary = nn.Parameter(torch.empty(self.real.shape))

    def forward(self, x: Tensor) -> Tensor:
        return _complex_product(linear, x, self.real, self.imaginary)


class ModulusActivation(nn.Module):
    """delta(f) = f |f| / max(|f|, c), element by element (Xiang et al. 2020, equation 5).

    The identity where |f| >= c, |f| f / c below. The modulus is sqrt(|f|^2 + 1e-5), so that its
    derivative at 0 is finite, and c never less than the root of 1e-5.

    Args:
        threshold: c is ``one``, or the mean modulus of a ``channel`` over the batch, of a channel
            of each ``sample``, or of the whole ``tensor``.
        channels: of the map.
        running: whether evaluation takes running averages of a ``channel``'s or ``tensor``'s
            mean instead of those of the batch, so that no prediction depends on its neighbours.
        detached: no gradient passes through |f| / max(|f|, c), as in the authors' code.
    """

    running_modulus: Tensor | None

    def __init__(
        self, threshold: str, channels: int, running: bool = True, detached: bool = False
    ) -> None:
        super().__init__()
        self.threshold, self.detached = threshold, detached
        self.dims = (0, 2, 3) if threshold == "channel" else (0, 1, 2, 3)
        shapes = {"channel": (1, channels, 1, 1), "tensor": (1, 1, 1, 1)}
        kept = torch.ones(shapes[threshold]) if running and threshold in shapes else None
        self.register_buffer("running_modulus", kept)

    def forward(self, x: Tensor) -> Tensor:
        return shrink(x, self._threshold(x.detach() if self.detached else x), self.detached)

    def _threshold(self, x: Tensor) -> Tensor:
        if self.threshold == "one":
            return x.new_ones(())
        if self.threshold == "sample":
            return moduli(x).mean((2, 3), keepdim=True)
        if self.running_modulus is not None and not self.training:
            return self.running_modulus.to(x.dtype)
        mean = moduli(x).mean(self.dims, keepdim=True)
        _follow(self.running_modulus, mean)
        return mean


class ModulusNorm(nn.Module):
    """f / sqrt(E|f|^2 + 1e-5): batch norm without mean, scale and shift (Xiang et al. 2020, 3.2).

    Args:
        channels: of the map.
        side: its height and width; needed for ``position`` alone.
        over: one second moment per ``channel``, over batch and positions; or per channel and
            ``position``, over the batch, as in the code of Knijff et al. 2021.
        divided: by E|f|^2 (``modulus``), or ``half`` of it, the mean over 2B real maps that the
            authors' code takes; outputs are then sqrt(2) times larger.
        running: whether evaluation takes running averages (momentum 0.1) or the batch's own.
        detached: no gradient passes through the divisor.
    """

    running_moment: Tensor | None

    def __init__(
        self,
        channels: int,
        side: int,
        over: str = "channel",
        divided: str = "modulus",
        running: bool = True,
        detached: bool = False,
    ) -> None:
        super().__init__()
        self.detached = detached
        self.dims = (0, 2, 3) if over == "channel" else (0,)
        # A mean over the 2B stacked maps is half of one over the B complex ones.
        self.factor = 2 if divided == "modulus" else 1
        shape = (1, channels, 1, 1) if over == "channel" else (1, channels, side, side)
        self.register_buffer("running_moment", torch.ones(shape) if running else None)

    def forward(self, x: Tensor) -> Tensor:
        if self.running_moment is not None and not self.training:
            return x * (self.running_moment + EPSILON).rsqrt().to(x.dtype)
        with torch.no_grad():
            # Sums in half precision would keep three digits.
            digits = torch.promote_types(x.dtype, torch.float32)
            root = torch.linalg.vector_norm(x, dim=self.dims, keepdim=True, dtype=digits)
            weight = self.factor * root.numel() / x.numel()
            moment = weight * root.square()
        _follow(self.running_moment, moment)
        return normalise(x, moment, self.dims, weight, self.detached)


class ModulusMaxPool(nn.Module):
    """Take both parts from the position with the largest modulus of each window."""

    def __init__(self, kernel: int, stride: int, padding: int = 0) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        modulus = square_modulus(x.detach())
        _, index = max_pool2d(modulus, self.kernel, self.stride, self.padding, return_indices=True)
        both = index.repeat(2, 1, 1, 1)
        return x.flatten(2).gather(2, both.flatten(2)).view(both.shape)


class SharedDropout(nn.Module):
    """Dropout with one mask for the real and the imaginary part."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        mask = dropout(torch.ones_like(x[: len(x) // 2]), self.p)
        return (x.unflatten(0, (2, -1)) * mask).flatten(0, 1)


class Shortcut(nn.Module):
    """Option A of He et al. 2016: every ``stride``-th position, new channels zero; linear."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, before = stride, (outputs - inputs) // 2
        self.channels = (before, outputs - inputs - before)

    def forward(self, x: Tensor) -> Tensor:
        return pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, *self.channels))


class SamePad(nn.Module):
    """Repeat the border so that a window of ``kernel`` and ``stride`` gives ceil(side / stride).

    What is uneven goes to the right and the bottom, as in the authors' LeNet; linear.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        margins = [
            max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            for side in (x.shape[-1], x.shape[-2])
        ]
        ends = [end for margin in margins for end in (margin // 2, margin - margin // 2)]
        return pad(x, ends, mode="replicate")


def _complex_product(product, x: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    first, second = parts(x)
    t1, t2 = product(first, real), product(second, imaginary)
    return stack(t1 - t2, product(first + second, real + imaginary) - t1 - t2)


def _follow(average: Tensor | None, batch: Tensor) -> None:
    if average is not None:
        average.lerp_(batch.detach().to(average.dtype), MOMENTUM)
