"""Sizes of networks: counted without calculating, once for all protections that share layers."""

from pathlib import Path

import pytest

from reveil import datasets
from reveil.config import preset_paths
from reveil.cvnn import multiply_adds, private
from reveil.cvnn.protections import Protection
from reveil.forecast import networks
from reveil.forecast.settings import Settings, read_config
from reveil.models.blank import blank

ROOT = Path(__file__).resolve().parents[2]
DATASET = datasets.get("cifar10")


@pytest.fixture(scope="module")
def protections() -> list[Protection]:
    settings = Settings(read_config(ROOT, []), ROOT)
    return [settings.protection(name) for name in preset_paths(ROOT, "protections")]


@pytest.mark.parametrize("model", ["lenet-report", "resnet20-alpha"])
def test_protections_with_the_same_layers_are_one_network_of_the_same_size(protections, model):
    assert len({networks.sized(protection) for protection in protections}) < len(protections) / 2
    for protection in protections:
        counted = networks._private.__wrapped__(model, protection, 3, 32, DATASET.classes)
        assert networks.network(model, DATASET.name, protection) == counted


@pytest.mark.parametrize("model", ["lenet-authors", "resnet20-alpha-w4", "vgg16-w4", "alexnet-w4"])
def test_counting_without_values_gives_what_a_calculation_gives(protections, model):
    for protection in {networks.sized(protection): protection for protection in protections}:
        with blank():
            built = private.PrivateNetwork(model, protection, 3, 32, 10)
        calculated = private.build(model, protection, 3, 32, 10, seed=0)
        counted = multiply_adds.tested_multiply_adds(built.eval())
        assert counted == multiply_adds.multiply_adds(calculated)
