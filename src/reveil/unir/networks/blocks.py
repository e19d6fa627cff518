"""Blocks that several networks are made of."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu, scaled_dot_product_attention

from reveil.unir.networks.kit import Kit
from reveil.unir.networks.settings import Blueprint


class SelfAttention(nn.Module):
    """x + gamma out(softmax(q k^T) v) over all positions of a map (methods, section 3.3).

    Queries, keys and values have an eighth of the channels; gamma starts at 0. The scores are not
    divided by the root of their number, as in Zhang et al. 2019.
    """

    def __init__(self, kit: Kit, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key, self.value = (
            kit.conv(channels, inner, 1, bias=True) for _ in range(3)
        )
        self.out = kit.conv(inner, channels, 1, bias=True)
        self.gamma = nn.Parameter(torch.zeros(()))
        # Fused attention keeps no H W by H W scores, and has no gradient of its gradient.
        self.attend = _attend if kit.twice else _attend_fused

    def forward(self, x: Tensor) -> Tensor:
        # One head, (B, 1, H * W, inner).
        query, key, value = (
            layer(x).flatten(2).transpose(1, 2).unsqueeze(1)
            for layer in (self.query, self.key, self.value)
        )
        mixed = self.attend(query, key, value)
        return x + self.gamma * self.out(mixed.squeeze(1).transpose(1, 2).unflatten(2, x.shape[2:]))


class Residual(nn.Module):
    """[norm-ReLU-]conv3x3-norm-ReLU-conv3x3 beside a shortcut, which is a 1x1 convolution.

    The shortcut has no spectral norm, and no layer where neither channels nor side change.

    Args:
        resample: ``up`` doubles the side before the first convolution, ``down`` halves it, rounded
            down, after the second; ``same``.
        activated: whether norm and ReLU come first; the first block of a critic sees images.
    """

    def __init__(
        self, kit: Kit, inputs: int, outputs: int, resample: str = "same", activated: bool = True
    ) -> None:
        super().__init__()
        self.resample, self.activated = resample, activated
        self.norm1 = kit.norm(inputs) if activated else nn.Identity()
        self.conv1 = kit.conv(inputs, outputs, 3, padding=1, bias=True)
        self.norm2 = kit.norm(outputs)
        self.conv2 = kit.conv(outputs, outputs, 3, padding=1, bias=True)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or resample != "same":
            self.shortcut = kit.spectrally_normalised(False).conv(inputs, outputs, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(x)) if self.activated else x
        y = self.conv1(upsampled(y) if self.resample == "up" else y)
        y = self.conv2(relu(self.norm2(y)))
        if self.resample == "down":
            # A 1x1 convolution and an average commute, and the average is the cheaper start.
            return avg_pool2d(y, 2) + self.shortcut(avg_pool2d(x, 2))
        shortcut = self.shortcut(x)
        return y + (upsampled(shortcut) if self.resample == "up" else shortcut)


class SumPool(nn.Module):
    """ReLU and the sum over all positions, (B, C, H, W) to (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x).sum((2, 3))


def quarter_attention(
    kit: Kit, blueprint: Blueprint, halvings: int, channels: int
) -> list[nn.Module]:
    """Return self-attention if the recipe asks for it and a map was halved twice, else nothing."""
    wanted = blueprint.settings.attention and halvings == 2
    return [SelfAttention(kit, channels)] if wanted else []


def upsampled(x: Tensor) -> Tensor:
    """Return a map of twice the side, every value repeated."""
    return interpolate(x, scale_factor=2, mode="nearest")


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query @ key.transpose(-2, -1)).softmax(-1) @ value


def _attend_fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return scaled_dot_product_attention(query, key, value, scale=1.0)
