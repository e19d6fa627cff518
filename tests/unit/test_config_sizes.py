"""What the checks say of sizes of images and features is what networks and views have."""

import pytest
import torch

from reveil.config.image_sizes import LEAST_OF_CRITIC, feature_side, input_size, least_size
from reveil.cvnn.networks.adversary import critic
from reveil.cvnn.private import PrivateNetwork
from reveil.datasets import get
from reveil.errors import ReveilError
from reveil.views import view_for
from tests.hidden import protection
from tests.private import NOTHING

NETWORKS = (
    *("resnet20-alpha-w2", "resnet20-beta-w2", "resnet20-alpha-authors-w2"),
    *("resnet20-beta-authors-w2", "lenet-authors-w2", "lenet-report", "vgg16-w2", "alexnet-w2"),
)


def on_meta(model, size):
    with torch.device("meta"):
        return PrivateNetwork(model, protection(**NOTHING), 3, size, 10)


@pytest.mark.parametrize("model", NETWORKS)
def test_sizes_are_those_of_the_networks(model):
    least = least_size(model)
    with pytest.raises(ReveilError, match=f"{least} pixels or more"):
        on_meta(model, least - 1)
    for size in (least, least + 1, 45, 56, 64, 85, 140, 224):
        side = feature_side(model, size)
        assert on_meta(model, size).feature_shape[1:] == (side, side), size


def test_the_least_size_of_the_critic_is_that_of_its_layers():
    with pytest.raises(ReveilError, match=f"{LEAST_OF_CRITIC} or more"):
        critic("report", (2, LEAST_OF_CRITIC - 1, LEAST_OF_CRITIC), False)
    critic("report", (2, LEAST_OF_CRITIC, LEAST_OF_CRITIC), False)


@pytest.mark.parametrize("pipeline", ["orig", "pad32", "resize32", "native28"])
@pytest.mark.parametrize("dataset", ["fashion-mnist", "cifar10", "cub-200", "celeba-synthetic"])
def test_the_size_of_an_input_is_that_of_its_view(dataset, pipeline):
    recipe = {"fmnist_pipeline": pipeline, "policy_channels": 3, "normalisation": "dataset"}
    assert input_size(get(dataset), recipe) == view_for(get(dataset), recipe).size
