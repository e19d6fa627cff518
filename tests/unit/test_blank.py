"""Networks without weights."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from reveil.cvnn.private import PrivateNetwork, build
from reveil.models.blank import blank
from tests import hidden
from tests.workflow import ROOT

LOADING = """
import sys
from reveil.cvnn.private import PrivateNetwork
from reveil.models.blank import blank
from tests.hidden import protection
with blank():
    for model in ("resnet20-alpha-w4", "lenet-report", "alexnet-w4"):
        PrivateNetwork(model, protection(weights="complex"), 3, 32, 10)
print("torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""


def test_tensors_have_shapes_and_no_values():
    with blank():
        layer = nn.Conv2d(3, 4, 5)
        nn.init.kaiming_normal_(layer.weight)
        layer.weight.data.div_(2)
    assert layer.weight.is_meta
    assert layer.weight.shape == (4, 3, 5, 5)


@pytest.mark.parametrize("model", ["resnet20-alpha-w4", "lenet-report", "vgg16-w4"])
def test_a_blank_network_has_the_tensors_of_a_built_one(model):
    protection = hidden.protection()
    drawn = torch.get_rng_state()
    with blank():
        network = PrivateNetwork(model, protection, 3, 32, 10)
    assert torch.equal(torch.get_rng_state(), drawn)
    whole = build(model, protection, 3, 32, 10, seed=0).state_dict()
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in whole.items()}


def test_after_the_block_weights_are_drawn_again():
    with blank():
        pass
    weight = torch.empty(1000).normal_()
    assert weight.device.type == "cpu"
    assert 0.5 < weight.std() < 1.5


def test_no_compiler_is_imported_for_it():
    done = subprocess.run(
        [sys.executable, "-c", LOADING],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
