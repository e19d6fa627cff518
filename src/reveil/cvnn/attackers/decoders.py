"""Networks that turn features back into images.

Two U-Nets as published and the plain decoder that Knijff et al. (2021) suggest. The features reach
a U-Net at the size of the image. Images are on the [0, 1] scale inside and out: the linear outputs
are for 2 I - 1, as the released decoder's are for 255 I - 127, and the report's tanh for the same
2 I - 1. In training mode outputs are as they are, because a clipped one has no gradient; in eval
mode they are clipped to [0, 1].
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from reveil.errors import ReveilError, not_allowed
from reveil.models.fresh import seeded

DECODERS = ("unet", "unet-report", "plain")
# Four times halved.
MULTIPLE = 16
CONVOLUTIONS = 6

Shape = tuple[int, int, int]


def make_decoder(
    name: str, features: Shape, image: Shape, width: int, seed: int, *ids: object
) -> nn.Module:
    """Return a decoder (B, c, h, w) to (B, C, H, W), its weights from (seed, "init", ids).

    Args:
        name: ``unet``, the authors'; ``unet-report``, Knijff et al.'s; or ``plain``.
        features: (c, h, w) of the input; the U-Nets take any height and width.
        image: (C, H, W) of the output.
        width: channels of the first block, 64 in both codes.

    Raises:
        ReveilError: an unknown name or a width below 1.
    """
    if name not in DECODERS:
        raise ReveilError(not_allowed("attack.decoder", name, DECODERS))
    if width < 1:
        raise ReveilError(f"attack.width: {width!r} is not allowed; allowed: 1 or more")
    if name == "plain":
        return seeded(lambda: PlainDecoder(features, image, width), seed, *ids)
    return seeded(lambda: UNet(features[0], image, width, name == "unet-report"), seed, *ids)


class Decoder(nn.Module, ABC):
    """What the decoders share: linear or tanh outputs as images."""

    bounded = False

    def forward(self, features: Tensor) -> Tensor:
        """Return images, (B, C, H, W), of features (B, c, h, w)."""
        out = self.decode(features)
        if self.bounded:
            out = out.tanh()
        images = (out + 1) / 2
        return images if self.training else images.clamp(0, 1)

    @abstractmethod
    def decode(self, features: Tensor) -> Tensor:
        """Return what stands for 2 I - 1, (B, C, H, W), of features (B, c, h, w)."""


class UNet(Decoder):
    """Four steps down and four up, six 3x3 convolutions a block (both codes of section 3.3).

    The authors': two convolutions in the first block; channels of 1, 2, 4, 8, 8 and 4, 2, 1, 1
    times the width; bilinear upsampling with aligned corners; linear outputs. The report's: six in
    the first block, too; 1, 2, 4, 8, 16 and 8, 4, 2, 1 times; transposed 2x2 convolutions; tanh;
    and the middle four of a block are one layer, applied four times.

    Height and width are padded to a multiple of 16 by repeating the border, and cut afterwards.
    """

    def __init__(self, channels: int, image: Shape, width: int, report: bool) -> None:
        super().__init__()
        self.image, self.bounded = image, report
        down = [width * factor for factor in (1, 2, 4, 8, 16 if report else 8)]
        up = [width * factor for factor in ((8, 4, 2, 1) if report else (4, 2, 1, 1))]
        self.first = _block(channels, width, CONVOLUTIONS if report else 2, report)
        self.down = nn.ModuleList(
            _block(inputs, outputs, CONVOLUTIONS, report)
            for inputs, outputs in zip(down, down[1:], strict=False)
        )
        self.enlarge, self.up = nn.ModuleList(), nn.ModuleList()
        inputs = down[-1]
        for skipped, outputs in zip(reversed(down[:-1]), up, strict=True):
            if report:
                self.enlarge.append(nn.ConvTranspose2d(inputs, outputs, 2, stride=2))
                inputs = outputs
            else:
                self.enlarge.append(nn.Upsample(None, 2, "bilinear", align_corners=True))
            self.up.append(_block(skipped + inputs, outputs, CONVOLUTIONS, report))
            inputs = outputs
        self.last = nn.Conv2d(inputs, image[0], 1)

    def decode(self, features: Tensor) -> Tensor:
        _, height, width = self.image
        x = resized(features, (height, width))
        x = self.first(pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate"))
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(nn.functional.max_pool2d(x, 2))
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat([skips.pop(), enlarge(x)], dim=1))
        return self.last(x)[..., :height, :width]


class PlainDecoder(Decoder):
    """Six convolutions at the features' size, then two after every doubling, up to the image's.

    Without the detour over small maps and the skips that pass it: what Knijff et al. (2021, section
    3.1) expect to do as well. A last size that is no doubling is reached by interpolation.
    """

    def __init__(self, features: Shape, image: Shape, width: int) -> None:
        super().__init__()
        self.size = image[1:]
        layers: list[nn.Module] = [_block(features[0], width, CONVOLUTIONS)]
        height, across = features[1:]
        while 2 * height <= image[1] and 2 * across <= image[2]:
            height, across = 2 * height, 2 * across
            layers += [nn.Upsample(None, 2, "bilinear"), _block(width, width, 2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(width, image[0], 3, padding=1)

    def decode(self, features: Tensor) -> Tensor:
        return self.last(resized(self.layers(features), self.size))


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps of another height and width, interpolated bilinearly."""
    return x if x.shape[-2:] == size else interpolate(x, size, mode="bilinear")


class Repeated(nn.Module):
    """One layer, applied several times."""

    def __init__(self, layer: nn.Module, times: int) -> None:
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.layer(x)
        return x


def _block(inputs: int, outputs: int, count: int, shared: bool = False) -> nn.Sequential:
    """Return convolutions, each with batch norm and ReLU; ``shared`` ones between the outer two."""
    first, last = _convolution(inputs, outputs), _convolution(outputs, outputs)
    if shared:
        return nn.Sequential(first, Repeated(_convolution(outputs, outputs), count - 2), last)
    return nn.Sequential(first, *(_convolution(outputs, outputs) for _ in range(count - 2)), last)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
