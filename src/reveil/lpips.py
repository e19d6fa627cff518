"""Learned perceptual image patch similarity (Zhang et al. 2018) with the features of AlexNet.

The weights are no part of this project. Needed is a file of AlexNet trained on ImageNet; the linear
heads come with the file, or else from the installed torchmetrics, which ships them.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.errors import ReveilError
from reveil.models.foreign import read_named

# Place in torchvision's `features`: channels in and out, kernel, stride, padding, pooled before.
LAYERS = {
    0: (3, 64, 11, 4, 2, False),
    3: (64, 192, 5, 1, 2, True),
    6: (192, 384, 3, 1, 1, True),
    8: (384, 256, 3, 1, 1, False),
    10: (256, 256, 3, 1, 1, False),
}
# What the network's input, here on the scale [-1, 1], is normalised with.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
# The heads were fitted on patches of this size, and images below 31 pixels leave nothing after the
# second pooling.
SMALLEST = 64
EPSILON = 1e-10

_FEATURE = re.compile(r"(?:features|net\.slice\d)\.(\d+)\.(weight|bias)")
_HEAD = re.compile(r"lin(\d)\.model\.\d\.weight")


class Lpips(nn.Module):
    """The distance d(x, y) of Zhang et al. (2018), equation 1.

    The sum over five layers of the mean over places of w . (f(x) - f(y))^2, f the activations after
    the rectifier, of unit length along the channels; 0 for equal images, higher for less alike.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, padding)
            for inputs, outputs, kernel, stride, padding, _ in LAYERS.values()
        )
        self.heads = nn.ParameterList(
            nn.Parameter(torch.zeros(outputs)) for _, outputs, *_ in LAYERS.values()
        )
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, guess: Tensor, reference: Tensor) -> Tensor:
        """Return (B,) float64 distances on the CPU.

        Images smaller than ``SMALLEST`` are enlarged to it, bilinearly; grey ones get three equal
        channels.

        Args:
            guess: (B, C, H, W) on the [0, 1] scale, C 1 or 3, clipped here.
            reference: likewise.
        """
        device = self.heads[0].device
        x, y = (_prepared(images.to(device, torch.float32)) for images in (guess, reference))
        total = torch.zeros(len(x), device=device)
        pooled = (pool for *_, pool in LAYERS.values())
        for convolution, head, pool in zip(self.convolutions, self.heads, pooled, strict=True):
            if pool:
                x, y = (F.max_pool2d(f, 3, 2) for f in (x, y))
            x, y = (F.relu(convolution(f)) for f in (x, y))
            squares = (_unit(x) - _unit(y)).square()
            total += torch.einsum("bchw,c->bhw", squares, head).mean((1, 2))
        return total.double().cpu()


def _prepared(images: Tensor) -> Tensor:
    # Clipped first: what lies outside the range must not reach its neighbours.
    scaled = 2 * images.clamp(0, 1).expand(-1, 3, -1, -1) - 1
    if min(scaled.shape[-2:]) < SMALLEST:
        scaled = F.interpolate(scaled, (SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
    shift, scale = (scaled.new_tensor(v).view(1, -1, 1, 1) for v in (SHIFT, SCALE))
    return (scaled - shift) / scale


def _unit(features: Tensor) -> Tensor:
    return features / (features.norm(dim=1, keepdim=True) + EPSILON)


def load(path: str | Path) -> Lpips:
    """Return the distance with the weights of a file.

    Args:
        path: tensors as safetensors or as torch saves them, with the names of torchvision's AlexNet
            (``features.0.weight``) or of the authors' package (``net.slice1.0.weight``), and, where
            it has them, the heads of the latter (``lin0.model.1.weight``).

    Raises:
        ReveilError: the file is missing or damaged, or a tensor is missing or of another shape.
    """
    state = _features(read_named("lpips_weights", path))
    if not any(name.startswith("heads") for name in state):
        state |= _features(read_named("lpips_weights", _packaged_heads(path)))
    network = Lpips()
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = {
        name: tuple(state[name].shape) if name in state else "missing"
        for name, shape in wanted.items()
        if name not in state or tuple(state[name].shape) != shape
    }
    if wrong:
        raise ReveilError(
            f"lpips_weights {path}: not AlexNet's: {wrong}; allowed: "
            f"{ {name: wanted[name] for name in wrong} }"
        )
    network.load_state_dict(state)
    return network


def _features(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that are known under their names here."""
    places = list(LAYERS)
    state = {}
    for name, tensor in tensors.items():
        if (match := _FEATURE.fullmatch(name)) and int(match[1]) in places:
            state[f"convolutions.{places.index(int(match[1]))}.{match[2]}"] = tensor.float()
        elif match := _HEAD.fullmatch(name):
            state[f"heads.{match[1]}"] = tensor.float().flatten()
    return state


def _packaged_heads(path: str | Path) -> Path:
    """Return torchmetrics' file of the heads, without importing the package."""
    found = find_spec("torchmetrics")
    if found is None or found.origin is None:
        raise ReveilError(f"lpips_weights {path}: has no heads, and torchmetrics is not installed")
    return Path(found.origin).parent / "functional" / "image" / "lpips_models" / "alex.pth"
