"""Feature networks of the scores: a classifier of this pipeline, or Inception from a file."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.chunks import run_in_chunks
from reveil.errors import ReveilError
from reveil.models.foreign import read_named
from reveil.torchvision_guard import import_torchvision

# Inception's classes, by where its weights are from: ImageNet's, as torchvision has them, or those
# of 2015 that the Fréchet distances of the literature are computed with.
IMAGENET, OF_2015 = 1000, 1008
SIZE = 299
CHUNK = 256
# Blocks of the network of 2015 whose pooled branch differs from torchvision's.
_AVERAGED = ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
_AVERAGED += ("Mixed_7b",)
_MAXIMUM = "Mixed_7c"

Extractor = Callable[[Tensor], tuple[Tensor, Tensor]]


def of_classifier(
    model: nn.Module, normalise: Callable[[Tensor], Tensor], chunk: int = CHUNK
) -> Extractor:
    """Return images -> (features, logits) of a classifier in eval mode.

    Features are the input of its last linear layer.

    Args:
        model: that was trained by this pipeline.
        normalise: makes its input of uint8 images, as ``View.normalise`` does.
        chunk: images at a time.

    Raises:
        ReveilError: the network has no linear layer.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ReveilError(f"classifier: {type(model).__name__} has no linear layer to take from")
    return _extractor(model, layers[-1], lambda x: normalise(_as_bytes(x)), chunk)


def of_inception(path: str | Path, chunk: int = 32) -> Extractor:
    """Return images -> (features, logits) of Inception v3 with the weights of a file.

    Grey images get three equal channels; all are enlarged to 299 x 299, bilinearly, in [-1, 1].

    Args:
        path: torchvision's weights, or those of 2015 under the same names, as safetensors or as
            torch saves them.
        chunk: images at a time.

    Raises:
        ReveilError: the file is missing, damaged, or holds another network.
    """
    tensors = read_named("inception_weights", path)
    state = {name: t for name, t in tensors.items() if not name.startswith("AuxLogits")}
    classes = len(state["fc.bias"]) if "fc.bias" in state else 0
    if classes not in (IMAGENET, OF_2015):
        raise ReveilError(
            f"inception_weights {path}: {classes} classes are not allowed; allowed: {IMAGENET}, as "
            f"torchvision's file has them, or {OF_2015}"
        )
    import_torchvision()
    from torchvision.models import inception_v3

    network = inception_v3(
        num_classes=classes, aux_logits=False, init_weights=False, transform_input=False
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ReveilError(f"inception_weights {path}: not Inception v3's: {error}") from None
    if classes == OF_2015:
        for name in (*_AVERAGED, _MAXIMUM):
            setattr(network, name, _Repooled(getattr(network, name), name == _MAXIMUM))
    return _extractor(network, network.fc, _enlarged, chunk)


class _Repooled(nn.Module):
    """A block of Inception whose last branch pools as the network of 2015 does."""

    def __init__(self, block: nn.Module, maximum: bool) -> None:
        super().__init__()
        self.block, self.maximum = block, maximum

    def forward(self, x: Tensor) -> Tensor:
        if self.maximum:
            pooled = F.max_pool2d(x, 3, 1, 1)
        else:
            pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        last = self.block.branch_pool(pooled)
        return torch.cat([self.block(x)[:, : -last.shape[1]], last], dim=1)


def _extractor(
    model: nn.Module, layer: nn.Module, prepare: Callable[[Tensor], Tensor], chunk: int
) -> Extractor:
    model.eval()
    device = next(model.parameters()).device

    @torch.no_grad()
    def extract(images: Tensor) -> tuple[Tensor, Tensor]:
        taken: list[Tensor] = []

        def work(piece: slice) -> tuple[Tensor, Tensor]:
            logits = model(prepare(images[piece].to(device)))
            return taken.pop().flatten(1).cpu(), logits.cpu()

        hook = layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
        try:
            pieces = run_in_chunks(work, len(images), chunk, what="features of images")
        finally:
            hook.remove()
        features, logits = zip(*pieces, strict=True)
        return torch.cat(features), torch.cat(logits)

    return extract


def _as_bytes(images: Tensor) -> Tensor:
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def _enlarged(images: Tensor) -> Tensor:
    whole = images.float().clamp(-1, 1).expand(-1, 3, -1, -1)
    return F.interpolate(whole, (SIZE, SIZE), mode="bilinear", align_corners=False)
