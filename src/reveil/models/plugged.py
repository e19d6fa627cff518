"""Networks that plug-ins give, and the early check that gradients of theirs can be attacked."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from reveil.plugins import calling, known
from reveil.plugins.known import Declared
from reveil.rng import generator

LAYERS = (
    "convolutions, linear layers, pooling, activations, batch, group and layer norm, and any other "
    "operation on tensors that neither draws, nor writes into its input, nor asks for a value "
    "(.item(), if on a tensor), in eval mode"
)
# Two images by themselves, against both together: what rounding may differ by.
CLOSE = {"rtol": 1e-3, "atol": 1e-5}


def built(name: str, channels: int, size: int, classes: int) -> nn.Module:
    """Return the network that a plug-in gives, on the CPU.

    Raises:
        PluginError: the plug-in fails, or returns no network.
    """
    one = known.find(known.MODEL, name, known.ATS)
    model = calling.call(one, channels, size, classes, **one.parameters)
    check_module(one, model)
    return model


def check_module(one: Declared, model: object) -> None:
    """Refuse what is no network that can be trained.

    Raises:
        PluginError: it is no module, or has no trainable parameter.
    """
    if not isinstance(model, nn.Module):
        calling.refuse(one, f"returned {type(model).__name__}, expected a torch.nn.Module")
    if not any(p.requires_grad for p in model.parameters()):
        calling.refuse(
            one, "returned a network without a trainable parameter, expected one or more"
        )


def check(name: str, model: nn.Module, shape: tuple[int, int, int], classes: int) -> None:
    """Refuse a network that cannot be trained and attacked.

    Logits must have their form, belong to one image each in eval mode, and have gradients that can
    be taken for each image by itself, and once more for the image.

    Args:
        name: of the network.
        model: on the CPU; its mode and weights are left as they are.
        shape: (C, H, W) of the images.
        classes: number of outputs.

    Raises:
        PluginError: it is not so; with what is.
    """
    one = known.find(known.MODEL, name, known.ATS)
    images = torch.randn(2, *shape, generator=generator(0, "plug-in", name))
    training = model.training
    model.eval()
    try:
        with calling.blaming(one):
            logits = model(images)
        _check_logits(one, logits, classes)
        with calling.blaming(one):
            alone = torch.cat([model(images[:1]), model(images[1:])])
        if not torch.allclose(alone, logits, **CLOSE):
            calling.refuse(
                one,
                "the logits of an image depend on the images beside it, expected a network that "
                "takes each by itself in eval mode",
            )
        _check_gradients(one, model, images)
    finally:
        model.train(training)


def _check_logits(one: Declared, logits: object, classes: int) -> None:
    if not isinstance(logits, Tensor):
        calling.refuse(one, f"makes {type(logits).__name__} of images, expected a tensor of logits")
    if tuple(logits.shape) != (2, classes) or not logits.is_floating_point():
        found = f"{logits.dtype} {tuple(logits.shape)}"
        calling.refuse(one, f"makes {found} of 2 images, expected floating point (2, {classes})")
    if not torch.isfinite(logits).all():
        calling.refuse(one, "makes logits that are not finite of normal noise, expected numbers")


def _check_gradients(one: Declared, model: nn.Module, images: Tensor) -> None:
    """Take each image's gradient by itself, as attacks do, and that of its size for the image."""
    labels = torch.zeros(2, dtype=torch.int64)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def loss(values: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return cross_entropy(functional_call(model, values, (image[None],)), label[None])

    def size(image: Tensor, label: Tensor) -> Tensor:
        return sum(g.square().sum() for g in grad(loss)(weights, image, label).values())

    try:
        each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, images, labels)
        again = vmap(grad(size))(images, labels)
    except Exception as error:  # of whatever the network's code or PyTorch's refuses
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        calling.refuse(
            one,
            f"its gradient cannot be taken for each image by itself ({reason}); allowed: {LAYERS}",
        )
    if not all(torch.isfinite(g).all() for g in (*each.values(), again)):
        calling.refuse(one, "has gradients that are not finite on normal noise, expected numbers")
    alone = grad(loss)(weights, images[0], labels[0])
    if not all(torch.allclose(each[name][0], alone[name], **CLOSE) for name in alone):
        calling.refuse(
            one,
            "the gradient of an image depends on the images beside it; allowed: " + LAYERS,
        )
