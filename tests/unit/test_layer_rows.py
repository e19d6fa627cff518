"""Traces of attacks: from what the attack keeps, through the archive, to tidy rows."""

import numpy as np
import pytest
import torch

from reveil import attacks, datasets, models, policies, scene
from reveil.files import write_npz
from reveil.layer_rows import layer_rows
from reveil.pictures import arrays
from reveil.views import view_for
from tests.attacked_block import PARAMETERS

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}
SCENE = {"augment": {"policy": "policy"}, "draws": "per_image", "hybrid_draw": "per_image"}
IMAGES = (5, 6)


@pytest.fixture(scope="module")
def traced():
    """Return a short traced attack of two images, their victims, the view and the network."""
    view = view_for(datasets.get("cifar10"), RECIPE)
    raw = np.random.default_rng(0).integers(1, 256, (2, 3, 32, 32), dtype=np.uint8)
    staging = SCENE | {"batch": 1, "gradients": 1}
    victims = scene.stage(
        raw, np.arange(2), IMAGES, view=view, policy=policies.parse("3"), seed=0, scene=staging
    )
    model = models.build("lenetzhu", 3, 32, 10, seed=0).eval()
    staging |= {"victim_loss_factor": 1.0, "bn_mode": "eval", "defend_gradient": True}
    shared = scene.share(model, victims, staging, seed=0)
    parameters = PARAMETERS | {"iterations": 3, "trace": True}
    found = attacks.reconstruct(model, shared, parameters, victims.streams, 0)
    return found, victims, view, model


def gradient(parameter, model, image, label):
    loss = torch.nn.functional.cross_entropy(model(image[None]), label[None])
    return torch.autograd.grad(loss, parameter)[0].flatten()


def test_cosines_of_the_archive_are_those_of_the_named_tensors(traced, tmp_path):
    found, victims, view, model = traced
    names = [name for name, _ in model.named_parameters()]
    write_npz(tmp_path / "a.npz", arrays(found, victims, view, tensors=names))
    table = layer_rows([tmp_path / "a.npz"], {"policy": "3", "seed": 0})
    assert sorted(table["iteration"].unique()) == [0, 1, 2, 3]
    last = table[table["iteration"] == 3].set_index(["tensor", "image"])["cosine"]
    for tensor in ("conv1.weight", "conv3.weight"):
        weight = model.get_parameter(tensor)
        for row, image in enumerate(IMAGES):
            label = victims.labels[row]
            both = (gradient(weight, model, x[row], label) for x in (found.x, victims.x))
            expected = torch.cosine_similarity(*both, dim=0).item()
            assert last[tensor, image] == pytest.approx(expected, abs=1e-4)


def test_attacks_without_a_trace_leave_none(traced):
    found, victims, view, *_ = traced
    plain = arrays(type(found)(**{**vars(found), "extras": {}}), victims, view)
    assert not any(name.startswith("cosine") for name in plain)
