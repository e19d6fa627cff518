"""Per-image gradients of a block of images in one pass, differentiable a second time.

Gradient inversion needs, for every image of a block, the gradient of its own loss with respect to
all parameters, and the derivative of a function of that gradient with respect to the image.
``vmap(grad)`` expresses it, but turns the weight gradient of a convolution into a grouped
convolution, for which libraries have no fast path. Here the layers run on the whole block as
usual; only where a layer would sum its weight gradient over the block, batched matrix products of
patches keep the images apart (:mod:`reveil.layers`), and double backward consists of the same few
operations.

Layers are recognised as they are called, so any model of convolutions, linear layers and batch
normalisation in eval mode is served, whatever is between them. A model that uses a parameter in
another way is left to ``vmap(grad)``: slower, equally right.
"""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F  # noqa: N812 - the field's own name for it
from torch.overrides import TorchFunctionMode

from reveil.layers import Convolve, Geometry, Linear, Normalise, Probe, Recording, Rectify

log = logging.getLogger(__name__)


class Products(NamedTuple):
    """Inner products of per-image gradients g with targets t, per parameter tensor.

    Attributes:
        dot: (B, tensors) of <g, t>.
        square: (B, tensors) of <g, g>.
    """

    dot: Tensor
    square: Tensor


class UnsupportedLayer(Exception):  # noqa: N818 - a signal to take the general path, no error
    """A parameter is used by an operation that has no per-image form here."""


def per_image_gradients(
    model: nn.Module, x: Tensor, labels: Tensor, *, factor: float = 1.0, create_graph: bool = False
) -> list[Tensor]:
    """Return d(factor * cross-entropy)/d(parameter) of every image by itself.

    Args:
        model: network in eval mode; its parameters are taken as constants.
        x: (B, C, H, W) normalised images.
        labels: (B,) class indices, or (B, classes) probabilities.
        factor: what the loss is multiplied with.
        create_graph: make the result differentiable, once, with respect to ``x``.

    Returns:
        One (B, *shape) tensor per trainable parameter, in the order of ``named_parameters``.

    Raises:
        ValueError: the model is in training mode, where images are not independent.
    """
    parameters = _trainable(model)
    try:
        return _differentiate(
            model,
            x,
            labels,
            factor,
            [Probe(_leaf(p, x.shape[0], p.shape)) for p in parameters.values()],
            create_graph,
        )
    except UnsupportedLayer as reason:
        log.debug("per-image gradients by vmap: %s", reason)
        return _vmapped(model, parameters, x, labels, factor, create_graph)


def gradient_products(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    target: Sequence[Tensor],
    *,
    factor: float = 1.0,
) -> Products:
    """Return <g, t> and <g, g> per image and parameter tensor.

    Equal to inner products of :func:`per_image_gradients`, but large gradients are never formed.
    Differentiable, once, with respect to ``x`` where it requires a gradient.

    Args:
        target: (B, *shape) tensors in the order of ``named_parameters``; fastest in the memory
            layout of :func:`kernel_last`.

    Raises:
        ValueError: as :func:`per_image_gradients`.
    """
    parameters = _trainable(model)
    count, create_graph = x.shape[0], x.requires_grad and torch.is_grad_enabled()
    large = [p.dim() > 1 for p in parameters.values()]
    probes = [
        Probe(_leaf(p, count, (2,)), t) if big else Probe(_leaf(p, count, p.shape))
        for p, t, big in zip(parameters.values(), target, large, strict=True)
    ]
    try:
        found = _differentiate(model, x, labels, factor, probes, create_graph)
    except UnsupportedLayer as reason:
        log.debug("gradient products by vmap: %s", reason)
        found = _vmapped(model, parameters, x, labels, factor, create_graph)
        large = [False] * len(found)
    pairs: list[Tensor | None] = [f if big else None for f, big in zip(found, large, strict=True)]
    rest = [i for i, big in enumerate(large) if not big]
    if rest:
        small = _segment_products([found[i] for i in rest], [target[i] for i in rest])
        for i, pair in zip(rest, small.unbind(1), strict=True):
            pairs[i] = pair
    stacked = torch.stack([p for p in pairs if p is not None], 1)
    return Products(stacked[..., 0], stacked[..., 1])


def kernel_last(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors with the input channels of (B, O, C, kh, kw) weights last in memory."""
    return [
        g.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3) if g.dim() == 5 else g
        for g in gradients
    ]


def _segment_products(gradients: list[Tensor], target: list[Tensor]) -> Tensor:
    """Return the (B, tensors, 2) inner products of many small tensors in a few operations."""
    sizes = [g[0].numel() for g in gradients]
    g = torch.cat([g.flatten(1) for g in gradients], 1)
    t = torch.cat([t.flatten(1) for t in target], 1)
    of = torch.arange(len(sizes), device=g.device).repeat_interleave(
        torch.tensor(sizes, device=g.device)
    )
    sums = g.new_zeros(g.shape[0], len(sizes), 2)
    return sums.index_add(1, of, torch.stack([g * t, g * g], 2))


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    if model.training:
        raise ValueError("per-image gradients need the model in eval mode")
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


def _leaf(parameter: Tensor, count: int, shape: Sequence[int]) -> Tensor:
    # Never written to and never read: one stored zero stands for all of it.
    return parameter.detach().new_zeros(()).expand(count, *shape).requires_grad_()


def _differentiate(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    factor: float,
    probes: list[Probe],
    create_graph: bool,
) -> list[Tensor]:
    recording = Recording()
    known = {id(p): None for p in model.parameters()}
    known |= dict(zip(map(id, _trainable(model).values()), probes, strict=True))
    with torch.enable_grad():
        with _PerImageLayers(known, recording):
            logits = model(x.contiguous(memory_format=torch.channels_last))
        loss = factor * F.cross_entropy(logits, labels, reduction="none")
        found = torch.autograd.grad(
            loss.sum(),
            [p.leaf for p in probes],
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    recording.active = False
    return list(found)


def _vmapped(
    model: nn.Module,
    parameters: dict[str, nn.Parameter],
    x: Tensor,
    labels: Tensor,
    factor: float,
    create_graph: bool,
) -> list[Tensor]:
    def loss(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(model, weights, (image[None],))
        return factor * F.cross_entropy(logits, label[None])

    weights = {n: p.detach() for n, p in parameters.items()}
    with torch.set_grad_enabled(create_graph):
        return list(vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, labels).values())


class _PerImageLayers(TorchFunctionMode):
    """Replace the parameterised layers of what is called inside by those of reveil.layers."""

    def __init__(self, probes: dict[int, Probe | None], recording: Recording) -> None:
        super().__init__()
        self.probes, self.recording = probes, recording
        self.layers = {
            torch.conv2d: self.convolve,
            F.linear: self.linear,
            F.batch_norm: self.normalise,
            F.relu: self.rectify,
        }

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.layers:
            return self.layers[func](*args, **kwargs)
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and self._uses_parameter([*args, *kwargs.values()]):
            raise UnsupportedLayer(f"{getattr(func, '__name__', func)} uses a parameter")
        return result

    def _uses_parameter(self, values: Sequence[Any]) -> bool:
        return any(
            self._uses_parameter(v) if isinstance(v, list | tuple) else id(v) in self.probes
            for v in values
        )

    def _probe(self, parameter: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        probe = self.probes.get(id(parameter))
        return (None, None) if probe is None else (probe.leaf, probe.target)

    def _constant(self, tensor: Tensor | None) -> Tensor | None:
        """Detach a parameter; a weight computed from parameters cannot be told apart."""
        if tensor is not None and tensor.requires_grad and id(tensor) not in self.probes:
            raise UnsupportedLayer("a weight is computed from parameters")
        return None if tensor is None else tensor.detach()

    def convolve(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """Stand in for :func:`torch.conv2d`."""
        if groups != 1 or isinstance(padding, str) or x.dim() != 4:
            raise UnsupportedLayer("a convolution with groups, named padding or no batch")
        geometry = Geometry(
            channels=x.shape[1],
            size=tuple(x.shape[2:]),
            kernel=tuple(weight.shape[2:]),
            stride=_pair(stride),
            padding=_pair(padding),
            dilation=_pair(dilation),
        )
        leaf, target = self._probe(weight)
        constants = self._constant(weight), self._constant(bias), target
        return Convolve.apply(x, leaf, self._probe(bias)[0], *constants, geometry, self.recording)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Stand in for :func:`torch.nn.functional.linear`."""
        if x.dim() != 2:
            raise UnsupportedLayer("a linear layer on more than one vector per image")
        leaf, target = self._probe(weight)
        constants = self._constant(weight), self._constant(bias), target
        return Linear.apply(x, leaf, self._probe(bias)[0], *constants, self.recording)

    def normalise(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Stand in for :func:`torch.nn.functional.batch_norm`."""
        if training or running_mean is None or running_var is None or x.dim() != 4:
            raise UnsupportedLayer("batch normalisation without frozen statistics of images")
        shape = (1, -1, 1, 1)
        mean, inverse = running_mean.view(shape), (running_var + eps).rsqrt().view(shape)
        scale, shift = inverse, -mean * inverse
        if weight is not None:
            factor = self._constant(weight).view(shape)
            scale, shift = factor * scale, factor * shift
        if bias is not None:
            shift = shift + self._constant(bias).view(shape)
        leaves = self._probe(weight)[0], self._probe(bias)[0]
        return Normalise.apply(x, *leaves, mean, inverse, scale, shift, self.recording)

    def rectify(self, x: Tensor, inplace: bool = False) -> Tensor:
        """Stand in for :func:`torch.nn.functional.relu`."""
        return Rectify.apply(x, inplace)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))
