"""Smooth made-up pictures, and a small network whose gradients give them away."""

import torch
from torch.nn import functional

from reveil import attacks, policies
from reveil.gradients import per_image_gradients
from reveil.metrics import psnr
from reveil.models.lenet import LeNetZhu
from reveil.scene import Shared
from reveil.transforms import transform, transform_mask
from tests.attacked_block import PARAMETERS

COUNT, SIZE, MEAN, STD = 6, 16, 0.5, 0.25
SHAPE = (3, SIZE, SIZE)
BOX = tuple(torch.full((1, 3, 1, 1), value) for value in (-2.0, 2.0))
LABELS = torch.arange(COUNT)
ALTERNATING = torch.tensor([1, -1] * (COUNT // 2))


def pictures():
    """Return (6, 3, 16, 16) uint8."""
    coarse = torch.rand(COUNT, 3, 5, 5, generator=torch.Generator().manual_seed(5))
    smooth = functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")
    return (smooth * 255).to(torch.uint8)


def small_network():
    """Return LeNetZhu as it is drawn at first."""
    torch.manual_seed(0)
    return LeNetZhu(3, SIZE, 10).eval()


def transformed(name, signs):
    """Return what victims of the first member of a policy use, and where it shows the picture."""
    used, content = pictures(), torch.ones(COUNT, 1, SIZE, SIZE, dtype=torch.bool)
    for operation, sign in zip(policies.parse(name).members[0], signs, strict=True):
        used = transform(used, operation, sign)
        content = transform_mask(content, operation, sign)
    return used, content


def normalised(pixels):
    """Return bytes as what a network sees."""
    return (pixels / 255 - MEAN) / STD


def shared_by(model, used, name, rows=slice(None)):
    """Return what victims share that used ``used``, and that they follow a policy."""
    x, labels = normalised(used[rows]), LABELS[rows]
    gradients = per_image_gradients(model, x, labels)
    policy = policies.parse(name)
    return Shared(gradients, labels, SHAPE, BOX, policy=policy, augment="policy")


def attack(model, shared, iterations, **changes):
    """Run `inversed` with some parameters changed, in float32."""
    images = range(len(shared))
    changes = {"iterations": iterations, **changes}
    return attacks.reconstruct(model, shared, PARAMETERS | changes, images, 0)


def scores(guess, reference, mask=None):
    """Return the PSNR in dB of normalised guesses."""
    return psnr(guess * STD + MEAN, reference / 255, mask)
