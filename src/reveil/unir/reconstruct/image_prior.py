"""Deep image prior (Ulyanov et al. 2018): a network per image, fitted to its measurement alone.

All networks of a chunk are one: grouped convolutions with a group per image.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.progress import Progress
from reveil.rng import generator
from reveil.unir.reconstruct.blurring import blur_of
from reveil.unir.reconstruct.interface import Method
from reveil.unir.reconstruct.observed import seen

# The input is uniform from 0 to this, and the result an average that forgets so fast.
NOISE = 0.1
DECAY = 0.95
SLOPE = 0.2


class ImagePrior(Method):
    """x_hat = f(z), z noise, with the weights of f fitted to || F(f(z)) - y ||^2 by Adam.

    Of missing values the error does not count; iterations are what keeps the noise out.
    """

    chunk = 16

    @torch.enable_grad()
    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        settings, shape = self.settings, self.known.operator.shape
        streams = [generator(self.known.seed, "image-prior", int(i)) for i in index]
        network = Stacked(shape, settings.width, streams).to(y)
        cost = self._cost(y)
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        average = torch.zeros_like(y)
        what = f"image prior of {len(y)} images, iterations"
        progress = Progress(what, settings.iterations, ends=False)
        for _ in range(settings.iterations):
            optimizer.zero_grad()
            found = network()
            cost(found).backward()
            optimizer.step()
            average.lerp_(found.detach(), 1 - DECAY)
            progress.step()
        return average / (1 - DECAY**settings.iterations)

    def _cost(self, y: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the sum over images of the mean squared error of what is observed."""
        operator = self.known.operator
        if not operator.observable:
            blur = blur_of(operator)
            return lambda x: (blur(x) - y).square().flatten(1).mean(1).sum()
        values, mask = seen(y, operator)
        share = mask / mask.flatten(1).sum(1).clamp(min=1).view(-1, 1, 1, 1)
        return lambda x: ((x - values).square() * share).sum()


class Stacked(nn.Module):
    """B hourglass networks side by side, each with its own weights and input.

    Three halvings and as many bilinear doublings with ``width`` channels and instance norm. Nothing
    skips the coarse scales, as input that reaches the pixels is noise where values are missing.
    """

    def __init__(
        self, shape: tuple[int, int, int], width: int, streams: Sequence[torch.Generator]
    ) -> None:
        super().__init__()
        channels, height, columns = shape
        z = [torch.rand(width, height, columns, generator=stream) * NOISE for stream in streams]
        self.register_buffer("z", torch.cat(z).unsqueeze(0))
        self.down = nn.ModuleList(_Convolution(width, width, streams, stride=2) for _ in range(3))
        self.up = nn.ModuleList(_Convolution(width, width, streams) for _ in range(3))
        self.last = _Convolution(width, channels, streams, kernel=1, plain=True)

    def forward(self) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1]."""
        x, sizes = self.z, []
        for down in self.down:
            sizes.append(x.shape[2:])
            x = down(x)
        for up in self.up:
            x = up(F.interpolate(x, sizes.pop(), mode="bilinear", align_corners=False))
        return self.last(x).unflatten(1, (self.last.groups, -1)).squeeze(0).tanh()


class _Convolution(nn.Module):
    """A convolution with a group per image, then instance norm and leaky ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        streams: Sequence[torch.Generator],
        *,
        kernel: int = 3,
        stride: int = 1,
        plain: bool = False,
    ) -> None:
        super().__init__()
        self.groups, self.stride, self.padding, self.plain = (
            len(streams),
            stride,
            kernel // 2,
            plain,
        )
        # PyTorch's own start: uniform within 1 / sqrt(inputs of a value).
        bound = 1 / math.sqrt(inputs * kernel**2)
        size = outputs, inputs, kernel, kernel
        drawn = [(2 * torch.rand(size, generator=stream) - 1) * bound for stream in streams]
        self.weight = nn.Parameter(torch.cat(drawn))
        self.bias = nn.Parameter(torch.zeros(outputs * len(streams)))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)
        return x if self.plain else F.leaky_relu(F.instance_norm(x), SLOPE)


METHODS = {"image-prior": ImagePrior}
