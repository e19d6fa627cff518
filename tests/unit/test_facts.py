"""What is known of an image and of the model at it, by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from reveil import datasets, policies
from reveil.facts import edge_density, image_facts, luma
from reveil.metrics import FACTS
from reveil.scene import Shared, Victims, stage
from reveil.views import view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}


class Fixed(nn.Module):
    """Says the same of every image: logits 0 and log 3."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, math.log(3)]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bias.expand(len(x), 2)


@pytest.fixture(scope="module")
def victims() -> Victims:
    """Four images: black, left half white, a ramp to the right by 2 a pixel, noise."""
    raw = np.zeros((4, 3, 32, 32), dtype=np.uint8)
    raw[1, :, :, :16] = 255
    raw[2] = 2 * np.arange(32)
    raw[3] = np.random.default_rng(0).integers(0, 256, (3, 32, 32))
    scene = {"augment": {"policy": "policy"}, "draws": "per_image", "hybrid_draw": "per_image"}
    scene |= {"batch": 1, "gradients": 1}
    view = view_for(datasets.get("cifar10"), RECIPE)
    policy = policies.parse("3")
    labels = np.array([0, 1, 1, 0])
    return stage(raw, labels, (5, 6, 7, 8), view=view, policy=policy, seed=0, scene=scene)


def shared(victims: Victims, gradients: list[torch.Tensor]) -> Shared:
    return Shared(gradients, victims.labels, (3, 32, 32), victims.box)


def test_facts_by_hand(victims):
    gradients = [torch.full((4, 2, 3), 2.0), torch.tensor([[1.0], [0.0], [5.0], [0.0]])]
    gradients[0][3] = 0
    found = image_facts(Fixed().eval(), victims, shared(victims, gradients))
    assert tuple(found) == FACTS
    assert found["contrast"][:2].tolist() == pytest.approx([0.0, 0.5])
    ramp = np.std(2 * np.arange(32) / 255)
    assert found["contrast"][2].item() == pytest.approx(ramp)
    # One of 31 columns of differences has the step of 1; every one of the ramp is 2/255.
    assert found["edge_density"][:3].tolist() == pytest.approx([0.0, 1 / 31, 2 / 255])
    assert found["victim_confidence"].tolist() == pytest.approx([0.25, 0.75, 0.75, 0.25])
    assert found["victim_loss"][0].item() == pytest.approx(math.log(4))
    assert found["victim_loss"][1].item() == pytest.approx(math.log(4 / 3))
    assert found["gradient_norm"].tolist() == pytest.approx([5.0, math.sqrt(24), 7.0, 0.0])


def test_images_behind_one_gradient_share_its_norm(victims):
    found = image_facts(Fixed().eval(), victims, shared(victims, [torch.tensor([[3.0], [4.0]])]))
    assert found["gradient_norm"].tolist() == [3.0, 3.0, 4.0, 4.0]


def test_the_image_is_described_untransformed_and_the_loss_at_what_was_used(victims):
    assert not torch.equal(victims.originals[3], victims.pixels[3])

    class Mean(Fixed):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([0 * x.mean((1, 2, 3)), x.mean((1, 2, 3))], 1)

    found = image_facts(Mean().eval(), victims, shared(victims, [torch.ones(4, 1)]))
    noise = luma(victims.originals[3:])
    assert found["contrast"][3].item() == pytest.approx(noise.std(correction=0).item())
    score = victims.x[3].double().mean()
    assert found["victim_loss"][3].item() == pytest.approx(
        torch.log1p(score.exp()).item(), rel=1e-5
    )


def test_luma_and_edges_by_hand():
    colour = torch.tensor([255, 0, 0, 0, 255, 0, 0, 0, 255], dtype=torch.uint8)
    images = colour.view(3, 3, 1, 1)
    assert luma(images).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    assert luma(images[:, :1]).flatten().tolist() == [1.0, 0.0, 0.0]
    # At the one place with both neighbours: 0.3 to the right, 0.4 down.
    light = torch.tensor([[[0.1, 0.4], [0.5, 0.9]]])
    assert edge_density(light).item() == pytest.approx(0.5)
