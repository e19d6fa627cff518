"""Inner products of per-image gradients, layer by layer, without building every gradient.

The gradient of a layer with weights is a sum over positions of outer products: of what entered
the layer and of the loss gradient of what left it. Where a layer has few positions, the inner
product of two such gradients is cheaper from the Gram matrices of those two factors (the "ghost
norm" identity of differentially private training); where it has many, from the gradient itself.
Both are exact. Every factor of a batch comes from one forward and one backward pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from reveil.convolutions import plain
from reveil.gradients import per_image_gradients
from reveil.patches import positions_last

COSINE_EPS = 1e-8


@dataclass(frozen=True)
class Dense:
    """Gradients of B images with respect to one parameter tensor: ``values`` (B, n)."""

    values: Tensor

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def rows(self, index: slice) -> Self:
        """Return the gradients of the images in ``index``."""
        return type(self)(self.values[index])

    def squares(self) -> Tensor:
        """Return (B,) squared norms."""
        return torch.linalg.vector_norm(self.values, dim=1).square()

    def inner(self, other: Self) -> Tensor:
        """Return (n, k) inner products of n k rows, k after k, with the n rows of ``other``."""
        count, size = other.values.shape
        return (self.values.reshape(count, -1, size) @ other.values[..., None])[..., 0]


@dataclass(frozen=True)
class Factored:
    """Gradients of B images with respect to the weight of a convolution, as their two factors.

    ``inputs`` (B, C, H, W) entered the layer, padded; ``deltas`` (B, D, h, w) are the loss
    gradients of its output. A linear layer is a convolution of one position.
    """

    inputs: Tensor
    deltas: Tensor
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

    @property
    def nbytes(self) -> int:
        return self.inputs.nbytes + self.deltas.nbytes

    def rows(self, index: slice) -> Self:
        """Return the gradients of the images in ``index``."""
        return type(self)(
            self.inputs[index], self.deltas[index], self.kernel, self.stride, self.dilation
        )

    def squares(self) -> Tensor:
        """Return (B,) squared norms."""
        return self.inner(self)[:, 0]

    def inner(self, other: Self) -> Tensor:
        """Return (n, k) inner products of n k rows, k after k, with the n rows of ``other``.

        With a_p the patch under output position p and d_p the gradient there, the weight gradient
        is sum_p d_p a_p^T, so <G, G'> = sum_pq <a_p, a'_q> <d_p, d'_q>. The patch products are
        sums of products of single pixels, shifted over the kernel.
        """
        pixels = _gram(self.inputs, other.inputs)
        (h, w), (down, right) = self.deltas.shape[2:], self.stride
        patches: Tensor | None = None
        for y in range(0, self.kernel[0] * self.dilation[0], self.dilation[0]):
            for x in range(0, self.kernel[1] * self.dilation[1], self.dilation[1]):
                ys = slice(y, y + down * (h - 1) + 1, down)
                xs = slice(x, x + right * (w - 1) + 1, right)
                term = pixels[:, ys, xs, ys, xs]
                patches = term.clone() if patches is None else patches.add_(term)
        products = patches.mul_(_gram(self.deltas, other.deltas))
        return products.flatten(1).sum(1).reshape(len(other.inputs), -1)


Gradients = Dense | Factored


def _gram(left: Tensor, right: Tensor) -> Tensor:
    """Return (n k, h, w, h, w) products over channels of (n k, C, h, w) with (n, C, h, w)."""
    count, channels, h, w = right.shape
    mine = left.flatten(2).transpose(1, 2).reshape(count, -1, channels)
    return (mine @ right.flatten(2)).reshape(-1, h, w, h, w)


def gradient_factors(model: nn.Module, x: Tensor, labels: Tensor) -> list[Gradients]:
    """Return the cross-entropy gradients of B images, one entry per trainable parameter tensor.

    Args:
        model: network in eval mode.
        x: (B, C, H, W) normalised images.
        labels: (B,) class indices.

    A model with a layer that no rule here covers, or with a layer used twice, gets its gradients
    from :func:`reveil.gradients.per_image_gradients`, at the price of building all of them.
    """
    layers = [m for m in model.modules() if any(True for _ in _trainable(m))]
    found: dict[nn.Module, list[Gradients]] = {}
    if not all(_covered(layer) for layer in layers) or not _record(model, layers, x, labels, found):
        return [_whole(g) for g in per_image_gradients(model, x, labels)]
    return [gradients for layer in layers for gradients in found[layer]]


def cosines(products: Sequence[Tensor], left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """Return (2, ...) cosines from the inner products and squared norms of every tensor.

    Row 0 is the mean over tensors of the cosine of each, with eps 1e-8 (GradSim of Gao et al.
    2021 as its code computes it); row 1 is the cosine of the concatenated gradients.
    """
    dot, mine, other = (torch.stack(list(part)) for part in (products, left, right))
    each = _cosine(dot, mine, other).mean(0)
    return torch.stack([each, _cosine(dot.sum(0), mine.sum(0), other.sum(0))])


def _cosine(dot: Tensor, left: Tensor, right: Tensor) -> Tensor:
    # Rounding can take a squared norm of a sum of products a little below zero.
    norms = [part.clamp(min=0).sqrt().clamp(min=COSINE_EPS) for part in (left, right)]
    return dot / (norms[0] * norms[1])


def _trainable(module: nn.Module):
    return (p for p in module.parameters(recurse=False) if p.requires_grad)


def _covered(layer: nn.Module) -> bool:
    if not all(p.requires_grad for p in layer.parameters(recurse=False)):
        return False
    if type(layer) is nn.Conv2d:
        zeros = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return zeros and layer.groups == 1
    return type(layer) in (nn.Linear, nn.BatchNorm2d) and not layer.training


def _record(
    model: nn.Module,
    layers: Sequence[nn.Module],
    x: Tensor,
    labels: Tensor,
    found: dict[nn.Module, list[Gradients]],
) -> bool:
    """Fill ``found`` in one forward and one backward pass; False if a layer did not run once."""
    calls: dict[nn.Module, int] = dict.fromkeys(layers, 0)

    def watch(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        calls[layer] += 1
        entered = arguments[0].detach()
        rule = RULES[type(layer)]

        # A hook on the tensor, and not on the module, sees the gradient of what the layer put
        # out even when an activation later overwrites it in place.
        def keep(delta: Tensor) -> None:
            found[layer] = rule(layer, entered, delta.detach())

        output.register_hook(keep)

    handles = [layer.register_forward_hook(watch) for layer in layers]
    try:
        with torch.enable_grad():
            start = x.detach().requires_grad_()
            with plain.PlainConvolutions():
                loss = cross_entropy(model(start), labels, reduction="sum")
            if set(calls.values()) != {1}:
                return False
            torch.autograd.grad(loss, start)
    finally:
        for handle in handles:
            handle.remove()
    return len(found) == len(layers)


def _whole(gradients: Tensor) -> Dense:
    return Dense(gradients.flatten(1))


def _linear(layer: nn.Linear, entered: Tensor, delta: Tensor) -> list[Gradients]:
    inputs, deltas = (
        part.reshape(len(part), -1, part.shape[-1]).transpose(1, 2)[..., None]
        for part in (entered, delta)
    )
    bias = [] if layer.bias is None else [_whole(deltas.flatten(2).sum(2))]
    return [Factored(inputs, deltas), *bias]


def _batch_norm(layer: nn.BatchNorm2d, entered: Tensor, delta: Tensor) -> list[Gradients]:
    scale = torch.rsqrt(layer.running_var + layer.eps)
    centred = entered - layer.running_mean[:, None, None]
    return [_whole((centred * delta).sum((2, 3)) * scale), _whole(delta.sum((2, 3)))]


def _convolution(layer: nn.Conv2d, entered: Tensor, delta: Tensor) -> list[Gradients]:
    bias = [] if layer.bias is None else [_whole(delta.sum((2, 3)))]
    if _pays_factored(layer, entered, delta):
        down, right = layer.padding
        padded = pad(entered, (right, right, down, down))
        return [Factored(padded, delta, layer.kernel_size, layer.stride, layer.dilation), *bias]
    return [_weight_gradient(layer, entered, delta), *bias]


def _pays_factored(layer: nn.Conv2d, entered: Tensor, delta: Tensor) -> bool:
    """Return whether two Gram products (norm and cosine) cost less than one weight gradient."""
    patch = layer.kernel_size[0] * layer.kernel_size[1]
    pixels = (entered.shape[2] + 2 * layer.padding[0]) * (entered.shape[3] + 2 * layer.padding[1])
    positions = delta.shape[2] * delta.shape[3]
    gram = pixels**2 * layer.in_channels + positions**2 * (layer.out_channels + patch)
    return 2 * gram < positions * layer.out_channels * layer.in_channels * patch


def _weight_gradient(layer: nn.Conv2d, entered: Tensor, delta: Tensor) -> Dense:
    """Return gradients with their taps before their channels, as images are channels-last."""
    (kh, kw), (down, right) = layer.kernel_size, layer.padding
    found = plain.weight_gradients(layer, entered, delta)
    if found is not None:
        return _whole(found)
    if layer.stride != (1, 1) or layer.dilation != (1, 1) or layer.in_channels < 16:
        return _whole(
            positions_last(delta).transpose(1, 2)
            @ plain.geometry_of(layer, entered).unfold(entered)
        )
    # In rows that are as long as the padded image, a shift over the kernel is an offset into
    # the flat image: one product per kernel element, and no copy of the patches.
    width = entered.shape[3] + 2 * right
    flat = pad(entered, (right, right, down, down + 1)).flatten(2).transpose(1, 2)
    rows = pad(delta, (0, width - delta.shape[3])).flatten(2)
    taps = rows.new_empty(len(rows), rows.shape[1], kh * kw, flat.shape[2])
    for tap, (y, x) in enumerate(product(range(kh), range(kw))):
        start = y * width + x
        torch.bmm(rows, flat[:, start : start + rows.shape[2]], out=taps[:, :, tap])
    return _whole(taps)


RULES: dict[type[nn.Module], Callable[..., list[Gradients]]] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.BatchNorm2d: _batch_norm,
}
