"""Generators on disk: the same generator and discriminator come back."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from reveil.errors import ReveilError
from reveil.models.weights import DIGEST, read_tensors, tensors_digest
from reveil.unir import weights
from reveil.unir.names import EXAMPLES
from reveil.unir.networks import Reconstructor, Sampler, build, build_discriminator
from tests.private import noise
from tests.workflow import ROOT

MODEL = "unet-w2"
SETTINGS = {"spectral_norm": "both", "attention": True, "residual_output": True}


def saved(tmp_path, model=MODEL, settings=SETTINGS, shape=(1, 16, 16), paired=False):
    generator = build(model, 1, 16, settings, seed=0)
    judge = build_discriminator(model, 1, 16, settings, 0, shape, paired)
    path = tmp_path / "weights.safetensors"
    weights.save(path, generator, judge, {"steps": 3, "model": "another", "discriminator": "x"})
    return path, generator.eval(), judge.eval()


def altered(path, tensors=None, **metadata):
    """Write a checkpoint again with other tensors or metadata; None takes an entry out."""
    state, facts = read_tensors(path)
    facts = {k: v for k, v in {**facts, **metadata}.items() if v is not None}
    save_file(state if tensors is None else tensors, path, metadata=facts)


@pytest.mark.parametrize("model", EXAMPLES)
def test_generator_discriminator_and_facts_come_back(tmp_path, model):
    model = f"{model}-w2"
    path, generator, judge = saved(tmp_path, model, {"init": "orthogonal", "latent": "uniform"})
    again, critic, facts = weights.load(path)
    assert type(again) is type(generator) and again.blueprint == generator.blueprint
    assert again.blueprint.settings.latent == "uniform"
    assert not again.training and not critic.training
    assert facts["steps"] == "3" and facts["model"] == model
    if isinstance(generator, Reconstructor):
        x = again(noise(2, 1, 16, 16))
        assert torch.equal(x, generator(noise(2, 1, 16, 16)))
    else:
        assert isinstance(again, Sampler)
        x = again.sample(2, torch.Generator().manual_seed(0))
        assert torch.equal(x, generator.sample(2, torch.Generator().manual_seed(0)))
    assert torch.equal(critic(x), judge(x))


def test_options_and_what_was_learned_come_back(tmp_path):
    path, generator, judge = saved(tmp_path)
    generator.train()(noise(4, 1, 16, 16))
    weights.save(path, generator, judge, {})
    again, critic, _ = weights.load(path)
    y = noise(2, 1, 16, 16)
    assert torch.equal(again(y), generator.eval()(y))
    # What was loaded can learn on.
    loss = critic.train()(again.train()(y)).sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in again.parameters())


@pytest.mark.parametrize(
    ("shape", "paired", "judged"),
    [((20,), False, (2, 20)), ((1, 16, 16), True, (2, 2, 16, 16))],
    ids=["vector", "pair"],
)
def test_a_discriminator_comes_back_for_what_it_judges(tmp_path, shape, paired, judged):
    path, _, judge = saved(tmp_path, shape=shape, paired=paired)
    critic = weights.load(path)[1]
    assert (critic.measurement_shape, critic.paired) == (shape, paired)
    assert torch.equal(critic(noise(*judged)), judge(noise(*judged)))


def test_a_generator_without_a_discriminator_has_none(tmp_path):
    path = tmp_path / "weights.safetensors"
    weights.save(path, build(MODEL, 1, 16, {}, seed=0), None, {"discriminator": "{}"})
    assert weights.load(path)[1] is None
    assert not any(name.startswith("discriminator.") for name in load_file(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": None}, "metadata lacks network"),
        ({"model": None, "size": None}, "metadata lacks model, size"),
        ({"size": "wide"}, "metadata is damaged"),
        ({"network": "[1"}, "metadata is damaged"),
        ({"network": "[1]"}, "metadata is damaged"),
        ({"network": '{"depth": 3}'}, "metadata is damaged: .*depth"),
        ({"network": '{"init": "zero"}'}, "reconstruction.init: 'zero' is not allowed"),
        ({"discriminator": "{}"}, "metadata is damaged: 'shape'"),
        ({"discriminator": None}, "metadata lacks discriminator"),
        ({"model": "unett"}, "'unett' is not allowed"),
        ({"model": "unet-w4"}, "unet-w4 needs float32"),
        ({DIGEST: "0"}, "the tensors are not those that were saved"),
    ],
    ids=["no-network", "no-model", "size", "json", "list", "keys", "value", "shape"]
    + ["no-discriminator", "name", "width", "digest"],
)
def test_a_file_that_does_not_say_what_it_holds_is_refused(tmp_path, changes, message):
    path, _, _ = saved(tmp_path)
    altered(path, **changes)
    with pytest.raises(ReveilError, match=message):
        weights.load(path)


def test_a_discriminator_of_another_generator_is_refused(tmp_path):
    path, _, _ = saved(tmp_path, settings={})
    state = load_file(path)
    del state["discriminator.body.0.weight"]
    altered(path, state, **{DIGEST: tensors_digest(state)})
    with pytest.raises(ReveilError, match="'body.0.weight' of the discriminator of unet-w2"):
        weights.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReveilError, match="there is no such file"):
        weights.load(tmp_path / "nothing.safetensors")


def test_no_compiler_is_imported_to_load(tmp_path):
    path, _, _ = saved(tmp_path, "pajot-w2", {"init": "orthogonal"})
    code = (
        "import sys; from reveil.unir import weights; weights.load(sys.argv[1]);"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_settings_are_readable_in_the_file(tmp_path):
    path, _, _ = saved(tmp_path)
    facts = read_tensors(path)[1]
    assert json.loads(facts["network"])["spectral_norm"] == "both"
    assert json.loads(facts["discriminator"]) == {"paired": False, "shape": [1, 16, 16]}
