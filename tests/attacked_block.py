"""A small network and five made-up victims, for the tests of the attacks."""

import torch
from torch import nn

from reveil import attacks
from reveil.attacks.priors import start
from reveil.config import resolve_attack
from reveil.gradients import per_image_gradients
from reveil.scene import Shared
from tests.workflow import ROOT

SHAPE = (3, 12, 12)
IMAGES = (7, 3, 11, 2, 5)
LABELS = torch.tensor([0, 1, 2, 3, 4])
BOX = tuple(torch.full((1, 3, 1, 1), value, dtype=torch.float64) for value in (-1.5, 1.5))
PARAMETERS = resolve_attack({}, ROOT, "inversed") | {"iterations": 20}


class Line(nn.Module):
    """Gradients that can be written down: equal logits, whatever the image of two pixels."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(x.flatten(1))


def network():
    """Return a network with two batch normalisations, in eval mode and float64."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(108, 7),
    )
    for norm in (layers[1], layers[4]):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.fill_(0.2)
    return layers.double().eval()


def victim_images():
    """Return the (5, C, H, W) images."""
    return 0.5 * start("randn", IMAGES, SHAPE, 0, 0, purpose="victim").double()


def share(model, victims):
    """Return what the victims let out."""
    return Shared(per_image_gradients(model, victims, LABELS), LABELS, SHAPE, BOX)


def attack(model, shared, images=IMAGES, seed=0, chunk="auto", state=None, factor=1.0, **changes):
    """Run 20 iterations of `inversed` with some parameters changed, in float64."""
    return attacks.reconstruct(
        model,
        shared,
        PARAMETERS | changes,
        images,
        seed,
        chunk=chunk,
        state=state,
        dtype=torch.float64,
        loss_factor=factor,
    )
