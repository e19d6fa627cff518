"""Private networks on disk: the same network, critic and protection come back."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from reveil.cvnn import weights
from reveil.cvnn.private import build_critic
from reveil.errors import ReveilError
from reveil.models.weights import DIGEST, read_tensors, tensors_digest
from tests.private import NOTHING, network, noise

MODEL = "resnet20-alpha-w4"


def saved(tmp_path, with_critic=True):
    net = network(MODEL, size=12)
    judge = build_critic(net, seed=0) if with_critic else None
    path = tmp_path / "weights.safetensors"
    weights.save(path, net, judge, {"epochs": 3, "model": "another"})
    return path, net, judge


def altered(path, tensors=None, **metadata):
    """Write a checkpoint again with other tensors or metadata; None takes an entry out."""
    state, facts = read_tensors(path)
    facts = {k: v for k, v in {**facts, **metadata}.items() if v is not None}
    save_file(state if tensors is None else tensors, path, metadata=facts)


def test_network_critic_and_facts_come_back(tmp_path):
    path, net, judge = saved(tmp_path)
    net.processor(noise(8, *net.feature_shape))
    weights.save(path, net, judge, {"epochs": 3, "model": "another"})
    again, critic, facts = weights.load(path)
    assert again.protection == net.protection
    assert (again.model, again.channels, again.size, again.classes) == (MODEL, 3, 12, 10)
    assert not again.training and not critic.training
    assert facts["epochs"] == "3" and facts["model"] == MODEL
    images = noise(2, 3, 12, 12)
    a = net.eval().encode(images)
    assert torch.equal(again.encode(images), a)
    assert torch.equal(again.process(torch.cat([a, a])), net.process(torch.cat([a, a])))
    assert torch.equal(critic(a), judge.eval()(a))


def test_a_network_without_a_critic_has_none(tmp_path):
    path, _, _ = saved(tmp_path, with_critic=False)
    assert weights.load(path)[1] is None
    assert not any(name.startswith("critic.") for name in load_file(path))


def test_shared_noise_keeps_its_mean(tmp_path):
    changes = NOTHING | {"kind": "noisy", "noise": "shared", "gamma": 0.5}
    net = network(MODEL, size=12, **changes)
    net.noisy(noise(2, *net.feature_shape) + 1, noise(*net.feature_shape))
    weights.save(tmp_path / "w.safetensors", net, None, {})
    again, _, _ = weights.load(tmp_path / "w.safetensors")
    assert again.running_mean.abs().sum() > 0
    assert torch.equal(again.running_mean, net.running_mean)


def test_the_protection_can_be_read_from_the_file(tmp_path):
    path, net, _ = saved(tmp_path)
    content = json.loads(read_tensors(path)[1]["protection"])
    assert content["name"] == "made-up" and content["protection"]["generator"] == "narrow"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protection": None}, "metadata lacks protection"),
        ({"model": None, "size": None}, "metadata lacks model, size"),
        ({"size": "wide"}, "metadata is damaged"),
        ({"protection": "{}"}, "not a protection"),
        ({"protection": "[1"}, "metadata is damaged: protection"),
        ({"protection": '{"name": "x", "protection": {"k": 2}}'}, "kind: is missing"),
        ({"model": "resnet21-alpha"}, "'resnet21-alpha' is not allowed"),
        ({"model": "resnet20-alpha-w8"}, "resnet20-alpha-w8 needs float32"),
        ({DIGEST: "0"}, "the tensors are not those that were saved"),
    ],
    ids=["no-protection", "no-model", "size", "empty", "json", "keys", "name", "width", "digest"],
)
def test_a_file_that_does_not_say_what_it_holds_is_refused(tmp_path, changes, message):
    path, _, _ = saved(tmp_path)
    altered(path, **changes)
    with pytest.raises(ReveilError, match=message):
        weights.load(path)


def test_a_critic_of_another_network_is_refused(tmp_path):
    path, _, _ = saved(tmp_path)
    state = load_file(path)
    del state["critic.0.weight"]
    altered(path, state, **{DIGEST: tensors_digest(state)})
    with pytest.raises(ReveilError, match="'0.weight' of the critic of resnet20-alpha-w4"):
        weights.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReveilError, match="there is no such file"):
        weights.load(tmp_path / "nothing.safetensors")
