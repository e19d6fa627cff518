"""What is added to the distance of gradients: how unlikely the guess is as an image.

Penalties belong to problems: of several images behind one gradient the mean counts, and the
statistics of batch normalisation are those of all of them together.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reveil.attacks.priors import TV_FORMS, half_mean_square
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.scene import Shared


class Regularisation:
    """The weighted penalties of a chunk of problems.

    Args:
        model: the attacker's, in eval mode.
        shared: the part of the chunk, on the model's device.
        settings: of the attack; its weights.
        labels: (P,) classes, which only ``features`` needs.

    Raises:
        ReveilError: ``features`` for what has no last linear layer with a bias, no class, or
            several images behind a gradient.
    """

    def __init__(
        self, model: nn.Module, shared: Shared, settings: Settings, labels: Tensor | None
    ) -> None:
        self.model, self.settings = model, settings
        self.norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        if settings.features:
            self.last, self.features, self.seen = _seen_features(model, shared, labels)

    def __call__(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the (P,) sum of all penalties of (P, [b,] C, H, W) guesses.

        Args:
            x: whose smoothness and norm count.
            seen: what is put through the model, of the same shape, where that is not ``x``.
        """
        settings, count = self.settings, len(x)
        images = x.flatten(0, -4)
        total = images.new_zeros(count)
        if settings.total_variation:
            variation = TV_FORMS[settings.tv_form](images).view(count, -1).mean(1)
            total = total + settings.total_variation * variation
        if settings.image_norm:
            total = total + settings.image_norm * half_mean_square(images).view(count, -1).mean(1)
        if settings.bn_statistics or settings.features:
            through = images if seen is None else seen.flatten(0, -4)
            total = total + self._within_model(through, count)
        return total

    def _within_model(self, images: Tensor, count: int) -> Tensor:
        settings = self.settings
        total = images.new_zeros(count)
        norms = self.norms if settings.bn_statistics else []
        last = [self.last] if settings.features else []
        inputs = _inputs(self.model, images, [*norms, *last])
        if norms:
            distances = [
                statistics_distance(norm, values.unflatten(0, (count, -1)))
                for norm, values in zip(norms, inputs, strict=False)
            ]
            total = total + settings.bn_statistics * torch.stack(distances).sum(0)
        if last:
            missed = (inputs[-1] - self.features).square().mean(1)
            total = total + settings.features * torch.where(self.seen, missed, 0)
        return total


def statistics_distance(norm: nn.BatchNorm2d, values: Tensor) -> Tensor:
    """Return (P,) distances of each problem's statistics from the running ones of a layer.

    ||mean - running mean||_2 + ||variance - running variance||_2 with the biased variance
    (Yin et al. 2021, equation 9).

    Args:
        norm: the layer.
        values: (P, b, C, H, W) what comes into it.
    """
    mean = values.mean((1, 3, 4))
    variance = values.var((1, 3, 4), unbiased=False)
    off_mean = torch.linalg.vector_norm(mean - norm.running_mean, dim=1)
    return off_mean + torch.linalg.vector_norm(variance - norm.running_var, dim=1)


def _inputs(model: nn.Module, images: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
    """Put images through the model and return what came into some of its layers."""
    seen: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen[layer] = arguments[0]

    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[layer] for layer in layers]


def _seen_features(
    model: nn.Module, shared: Shared, labels: Tensor | None
) -> tuple[nn.Linear, Tensor, Tensor]:
    """Return the last linear layer, and what its gradient tells of its (P, features) input.

    The gradient of row y of its weight is the input times that of the y-th bias, so their quotient
    is the input, whatever the loss is multiplied with. The third result is (P,) bool, whether
    there is a quotient.
    """
    if shared.batch > 1 or labels is None:
        raise ReveilError("features: are read from the gradient of one image of a known class")
    linear = [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not linear or f"{linear[-1]}.bias" not in names:
        raise ReveilError("features: the model has no last linear layer with a bias to read from")
    weight, bias = (
        shared.gradients[names.index(f"{linear[-1]}.{kind}")] for kind in ("weight", "bias")
    )
    rows = torch.arange(len(shared), device=weight.device)
    divisor = bias[rows, labels].unsqueeze(1)
    seen = divisor != 0
    features = torch.where(seen, weight[rows, labels] / divisor, 0)
    return model.get_submodule(linear[-1]), features, seen.squeeze(1)
