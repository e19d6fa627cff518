"""Gradients of a block of problems in one pass, differentiable a second time.

A problem is what one victim shares: the gradient of the mean loss over its batch of one or more
images. Gradient inversion needs it for every problem of a block, and the derivative of a function
of it with respect to the images.

``vmap(grad)`` expresses that, but turns the weight gradient of a convolution into a grouped
convolution, for which libraries have no fast path. Here the layers run on the whole block as
usual; only where a layer would sum its weight gradient over the block, batched matrix products of
patches keep the problems apart (:mod:`reveil.layers`), and double backward consists of the same few
operations. A model that uses a parameter in a way unknown to :mod:`reveil.substitution` is left to
``vmap(grad)``: slower, equally right.
"""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.errors import ReveilError, not_allowed
from reveil.layers import Probe, Recording
from reveil.substitution import BatchStatistics, PerProblemLayers, UnsupportedLayer

log = logging.getLogger(__name__)

# Statistics of batch normalisation: the running ones, or those of each problem's own images.
BN_MODES = ("eval", "train")


class Products(NamedTuple):
    """Inner products of the gradients g of P problems with targets t, per parameter tensor.

    Attributes:
        dot: (P, tensors) of <g, t>.
        square: (P, tensors) of <g, g>.
    """

    dot: Tensor
    square: Tensor


def problem_gradients(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    *,
    factor: float = 1.0,
    bn_mode: str = "eval",
    create_graph: bool = False,
) -> list[Tensor]:
    """Return d(factor * mean cross-entropy of its images)/d(parameter) of every problem.

    Args:
        model: network in eval mode; its parameters are taken as constants.
        x: (P, C, H, W) normalised images, one per problem, or (P, b, C, H, W).
        labels: (P,) or (P, b) class indices, or (P, classes) or (P, b, classes) probabilities.
        factor: what the loss is multiplied with.
        bn_mode: ``eval``, or ``train`` for batch normalisation with the mean and the biased
            variance of each problem's own images; running estimates are not touched.
        create_graph: make the result differentiable, once, with respect to ``x`` and
            probabilities.

    Returns:
        One (P, *shape) tensor per trainable parameter, in the order of ``named_parameters``.

    Raises:
        ValueError: the model is in training mode, or not one label per image.
        ReveilError: an unknown ``bn_mode``.
    """
    work = _Pass(model, x, labels, factor, bn_mode, create_graph)
    try:
        return work.run([Probe(_leaf(p, len(x), p.shape)) for p in work.parameters.values()])
    except UnsupportedLayer as reason:
        log.debug("gradients of problems by vmap: %s", reason)
        return work.run_vmapped()


def problem_products(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    target: Sequence[Tensor],
    *,
    factor: float = 1.0,
    bn_mode: str = "eval",
) -> Products:
    """Return <g, t> and <g, g> per problem and parameter tensor.

    Equal to inner products of :func:`problem_gradients`, but large gradients are never formed.
    Differentiable, once, with respect to ``x`` and probabilities where they require a gradient.

    Args:
        target: (P, *shape) tensors in the order of ``named_parameters``; fastest in the memory
            layout of :func:`reveil.gradients.kernel_last`.

    Raises:
        ValueError: as :func:`problem_gradients`.
        ReveilError: as :func:`problem_gradients`.
    """
    wanted = (x.requires_grad or labels.requires_grad) and torch.is_grad_enabled()
    work = _Pass(model, x, labels, factor, bn_mode, wanted)
    parameters, count = work.parameters.values(), len(x)
    large = [p.dim() > 1 for p in parameters]
    probes = [
        Probe(_leaf(p, count, (2,)), t) if big else Probe(_leaf(p, count, p.shape))
        for p, t, big in zip(parameters, target, large, strict=True)
    ]
    try:
        found = work.run(probes)
    except UnsupportedLayer as reason:
        log.debug("products of problems by vmap: %s", reason)
        found = work.run_vmapped()
        large = [False] * len(found)
    pairs: list[Tensor | None] = [f if big else None for f, big in zip(found, large, strict=True)]
    rest = [i for i, big in enumerate(large) if not big]
    if rest:
        small = _segment_products([found[i] for i in rest], [target[i] for i in rest])
        for i, pair in zip(rest, small.unbind(1), strict=True):
            pairs[i] = pair
    stacked = torch.stack([p for p in pairs if p is not None], 1)
    return Products(stacked[..., 0], stacked[..., 1])


def _segment_products(gradients: list[Tensor], target: list[Tensor]) -> Tensor:
    """Return the (P, tensors, 2) inner products of many small tensors in a few operations."""
    sizes = [g[0].numel() for g in gradients]
    g = torch.cat([g.flatten(1) for g in gradients], 1)
    t = torch.cat([t.flatten(1) for t in target], 1)
    of = torch.arange(len(sizes), device=g.device).repeat_interleave(
        torch.tensor(sizes, device=g.device)
    )
    sums = g.new_zeros(g.shape[0], len(sizes), 2)
    return sums.index_add(1, of, torch.stack([g * t, g * g], 2))


def _leaf(parameter: Tensor, count: int, shape: Sequence[int]) -> Tensor:
    # Never written to and never read: one stored zero stands for all of it.
    return parameter.detach().new_zeros(()).expand(count, *shape).requires_grad_()


class _Pass:
    """One forward and backward pass over a block; ``x`` and ``labels`` become (P, b, ...)."""

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        labels: Tensor,
        factor: float,
        bn_mode: str,
        create_graph: bool,
    ) -> None:
        if model.training:
            raise ValueError("gradients of problems need the model in eval mode")
        if bn_mode not in BN_MODES:
            raise ReveilError(not_allowed("bn_mode", bn_mode, BN_MODES))
        if x.dim() == 4:
            x, labels = x[:, None], labels[:, None]
        if labels.shape[:2] != x.shape[:2]:
            raise ValueError(f"labels of {tuple(labels.shape)} for images of {tuple(x.shape)}")
        self.model, self.x, self.labels = model, x, labels
        self.factor, self.bn_mode, self.create_graph = factor, bn_mode, create_graph
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}

    def run(self, probes: list[Probe]) -> list[Tensor]:
        """Return what the probes receive.

        Raises:
            UnsupportedLayer: a parameter is used in a way unknown to the fast layers.
        """
        batch = self.x.shape[1]
        recording = Recording(batch)
        known = {id(p): None for p in self.model.parameters()}
        known |= dict(zip(map(id, self.parameters.values()), probes, strict=True))
        images = self.x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        recording.images = images
        with torch.enable_grad():
            with PerProblemLayers(known, recording, self.bn_mode):
                logits = self.model(images)
            each = F.cross_entropy(logits, self.labels.flatten(0, 1), reduction="none")
            found = torch.autograd.grad(
                self.factor / batch * each.sum(),
                [p.leaf for p in probes],
                create_graph=self.create_graph,
                allow_unused=True,
                materialize_grads=True,
            )
        recording.active = False
        return list(found)

    def run_vmapped(self) -> list[Tensor]:
        """Return the gradients, for any model."""
        statistics = BatchStatistics() if self.bn_mode == "train" else nullcontext()

        def loss(weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
            logits = functional_call(self.model, weights, (images,))
            return self.factor * F.cross_entropy(logits, labels)

        weights = {n: p.detach() for n, p in self.parameters.items()}
        with torch.set_grad_enabled(self.create_graph), statistics:
            each = vmap(grad(loss), in_dims=(None, 0, 0))
            return list(each(weights, self.x, self.labels).values())
