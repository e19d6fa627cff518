"""The job that trains a private network, and networks that drop features out."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from reveil import indices
from reveil.cvnn import protections, tasks, weights
from reveil.errors import ReveilError
from reveil.job import State
from reveil.stages.private_summaries import private_summary
from reveil.stages.private_training import train_private_model
from reveil.stages.work import Work
from reveil.training_data import TrainingData
from tests.hidden import pixels, protection
from tests.private_training import ADVERSARY, RECIPE, VIEW, run, same
from tests.training import KilledError, MortalState

NAMED = {
    **dict.fromkeys(("run", "policy", "recipe"), "made-up"),
    **{"dataset": "cifar10", "model": "resnet20-alpha-w4", "seed": "3"},
}
SWITCHES = {"recipe": {**RECIPE, "epochs": 1, "holdout": 20, "adversary": ADVERSARY}, "code": "c"}


@pytest.fixture
def prepared(tmp_path):
    """A prepared dataset of few images, and the file of a protection."""
    for split, count in (("train", 60), ("test", 20)):
        (tmp_path / split).mkdir()
        np.save(tmp_path / split / "images.npy", pixels(count, seed=count, size=32))
        np.save(tmp_path / split / "labels.npy", np.arange(count, dtype=np.int64) % 10)
    chosen = protections.to_json(protection(swap="sample"))
    (tmp_path / "policy.json").write_text(json.dumps(chosen))
    return tmp_path


def work(folder, **named):
    job = SimpleNamespace(
        device=torch.device("cpu"),
        state=lambda output, identity, interval: State(folder / "state", identity, interval=0),
    )
    return Work(job, NAMED | named, SWITCHES, "weights.safetensors", state_seconds=0)


def files(folder):
    return {
        "prepared": str(folder / "test" / "images.npy"),
        "policy": str(folder / "policy.json"),
    }


def test_the_job_trains_on_what_is_not_held_out_and_its_network_comes_back(prepared):
    done = train_private_model(work(prepared), **files(prepared))
    trained = done.trained
    assert trained.network.protection == protection(swap="sample")
    assert (trained.network.channels, trained.network.size, trained.network.classes) == (3, 32, 10)
    assert trained.evaluation[0]["n"] == 20
    assert done.identity["policy_file"]["name"] == "made-up"
    assert done.identity["recipe"]["adversary"] == ADVERSARY
    assert done.state.path.exists()
    labels = np.load(prepared / "train" / "labels.npy")
    assert len(indices.training_indices(labels, {"rule": "all"}, 20, 3)) == 40
    # 40 images in batches of 16: the contest and the state saw three steps.
    _, facts = done.state.load()
    assert (facts["epoch"], facts["step"], facts["seen"]) == (0, 3, 40)

    weights.save(prepared / "w.safetensors", trained.network, trained.critic, done.facts)
    network, critic, metadata = weights.load(prepared / "w.safetensors")
    for ours, theirs in ((trained.network, network), (trained.critic, critic)):
        for name, value in ours.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name])
    (row,) = private_summary(trained, NAMED)
    assert metadata["tensors_sha256"] == row["weights_digest"]
    assert metadata["policy"] == "made-up"


def test_the_job_learns_the_task_of_its_dataset(prepared):
    """30 of CelebA's attributes, whatever its labels are."""
    named = {"dataset": "celeba-30-synthetic"}
    with pytest.raises(ReveilError, match=r"attributes.npy.*cannot be read"):
        train_private_model(work(prepared, **named), **files(prepared))
    assert tasks.task("celeba-30-synthetic").outputs == 30


def test_the_file_of_a_protection_is_missing(prepared):
    with pytest.raises(ReveilError, match="policy file.*nowhere.json"):
        train_private_model(
            work(prepared), prepared=files(prepared)["prepared"], policy="nowhere.json"
        )


def test_a_resumed_run_drops_the_same_features(tmp_path):
    """AlexNet's decoder has dropout, which draws from the global random state."""
    stream = np.random.default_rng(0)
    images = stream.integers(0, 256, (12, 1, 12, 12), dtype=np.uint8)
    data = TrainingData(images, np.arange(12) % 4, np.arange(12), images[:4], np.arange(4))

    class Large:
        """The made-up images, each pixel three times as wide and high."""

        shape = (1, 36, 36)

        def evaluate(self, raw):
            return VIEW.evaluate(raw).repeat_interleave(3, 2).repeat_interleave(3, 3)

        def victim(self, raw, draws, policy):
            return self.evaluate(raw)

        def __getattr__(self, name):
            return getattr(VIEW, name)

    keys = {"model": "alexnet-w2", "view": Large(), "batch_size": 4, "learning_rate": 0.01}
    torch.manual_seed(0)
    expected = run(data, **keys)
    before = torch.manual_seed(1).get_state()
    with pytest.raises(KilledError):
        run(data, state=MortalState(tmp_path, 1, 5), **keys)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(run(data, state=MortalState(tmp_path, 10**9), **keys), expected)
