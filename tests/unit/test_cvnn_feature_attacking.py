"""The jobs of an attack on features: train an attacker, let him guess a block, judge."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from reveil import indices
from reveil.cvnn import tasks, weights
from reveil.cvnn.own_images import own_indices
from reveil.cvnn.private import build
from reveil.errors import ReveilError
from reveil.job import State
from reveil.stages.feature_attacking import (
    ATTACKER_KEYS,
    attack_features,
    save_attacker,
    train_attacker,
)
from reveil.stages.work import Work
from tests.hidden import attack, pixels, protection
from tests.workflow import ROOT

RECIPE = {
    "holdout": 24,
    "subset": {"rule": "all"},
    "fmnist_pipeline": "pad32",
    "policy_channels": 3,
    "normalisation": "dataset",
}
LABELS = np.arange(60, dtype=np.int64) % 10
QUICK = {"decoder": "plain", "width": 2, "max_epochs": 2, "batch_size": 8}
NAMED = dict.fromkeys(("run", "study", "protocol", "recipe", "defence"), "made-up") | {
    **{"dataset": "cifar10", "model": "resnet20-alpha-w4", "policy": "made-up", "seed": "3"},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A prepared dataset of few images, and the network that is attacked."""
    folder = tmp_path_factory.mktemp("prepared")
    for split, count in (("train", 60), ("test", 20)):
        (folder / split).mkdir()
        np.save(folder / split / "images.npy", pixels(count, seed=count, size=32))
        np.save(folder / split / "labels.npy", LABELS[:count])
    network = build("resnet20-alpha-w4", protection(generator="none"), 3, 32, 10, seed=0)
    weights.save(folder / "weights.safetensors", network, None, {})
    return folder


def work(folder: Path, name: str, block: str = "00000-00003", split: str = "test", **changes):
    job = SimpleNamespace(
        device=torch.device("cpu"),
        state=lambda output, identity, interval: State(folder / "state", identity, interval=0),
    )
    switches = {
        "recipe": RECIPE,
        "features": {"attacker_images": "heldout", "attacker_count": None},
        "scene": {"images": {"split": split, "start": 0, "step": 2, "count": 8}},
        "attack": attack(**{**QUICK, **changes}),
        "inner": None,
    }
    return Work(job, {**NAMED, "attack": name, "block": block}, switches, "out.csv")


def files(folder):
    return {
        "prepared": str(folder / "test" / "images.npy"),
        "weights": str(folder / "weights.safetensors"),
    }


def trained(folder, tmp_path, name="made-up", **changes):
    done = train_attacker(work(tmp_path, name, **changes), **files(folder))
    path = tmp_path / f"{name}.safetensors"
    save_attacker(path, done)
    return done, str(path)


def test_a_trained_attacker_has_a_row_per_epoch_and_guesses_a_block(prepared, tmp_path):
    done, path = trained(prepared, tmp_path, method="two_image")
    history = done.history.frame()
    assert list(history.columns[: len(ATTACKER_KEYS)]) == list(ATTACKER_KEYS)
    assert history["epoch"].tolist() == [0, 1] and history["best"].sum() == 1
    assert history["stopped"].tolist() == ["", "max_epochs"]
    assert set(history["part"]) == {"decoder"}

    result = attack_features(
        work(tmp_path, "made-up", method="two_image"), attacker=path, **files(prepared)
    )
    rows = result.rows.frame()
    schema = yaml.safe_load((ROOT / "workflow/schemas/cvnn_images.schema.yaml").read_text())
    assert list(rows.columns) == schema["required"]
    assert rows["image"].tolist() == [0, 2, 4, 6] and rows["label"].tolist() == [0, 2, 4, 6]
    assert set(rows["status"]) == {"ok"} and set(rows["attacker_epochs"]) == {2}
    assert rows["rmse"].between(0, 1).all() and (rows["rmse_either"] <= rows["rmse"]).all()

    shown = np.load(prepared / "test" / "images.npy")
    arrays = result.arrays
    assert np.array_equal(arrays["original"], shown[[0, 2, 4, 6]])
    assert np.array_equal(arrays["partner"], shown[rows["partner"].to_numpy(int)])
    assert arrays["guess"].shape == arrays["second"].shape == (4, 3, 32, 32)
    assert {values.dtype for name, values in arrays.items() if "index" not in name} == {
        np.dtype(np.uint8)
    }
    error = (arrays["guess"] / 255 - arrays["original"] / 255) ** 2
    assert rows["rmse"].to_numpy() == pytest.approx(np.sqrt(error.mean(axis=(1, 2, 3))), abs=3e-3)


def test_rows_do_not_depend_on_the_block_or_the_chunk(prepared, tmp_path):
    _, path = trained(prepared, tmp_path, method="decode")
    how = {"attacker": path, **files(prepared)}
    whole = attack_features(work(tmp_path, "made-up", "00000-00007", method="decode"), **how)
    part = replace(work(tmp_path, "made-up", "00003-00004", method="decode"), chunk="1")
    rows = attack_features(part, **how).rows.frame()
    expected = whole.rows.frame().iloc[3:5].reset_index(drop=True)
    for column in ("image", "partner", "theta_rad", "rmse", "ssim", "rmse_partner"):
        assert rows[column].to_numpy() == pytest.approx(expected[column].to_numpy(), rel=1e-4)


def test_partners_of_held_out_images_are_held_out(prepared, tmp_path):
    _, path = trained(prepared, tmp_path, method="decode")
    job = work(tmp_path, "made-up", "00000-00007", "heldout", method="decode")
    rows = attack_features(job, attacker=path, **files(prepared)).rows.frame()
    held = indices.holdout_indices(LABELS, 24)
    assert set(rows["image"]) <= set(held) and set(rows["partner"]) <= set(held)


def inference(tmp_path, **changes):
    """A job that builds on a learning-free attack."""
    job = work(tmp_path, "outer", method="knn", inner="blind-matched", **changes)
    job.switches["inner"] = attack(**QUICK, method="blind", align="matched")
    return job


def test_an_attacker_can_build_on_another(prepared, tmp_path, monkeypatch):
    _, inner = trained(prepared, tmp_path, "blind-matched", method="blind", align="matched")
    # The finer classes are those of the task, so that the labels of the rows tell them.
    monkeypatch.setattr(tasks, "hidden", lambda dataset: tasks.Target("labels.npy", 10, "classes"))
    done = train_attacker(inference(tmp_path), inner=inner, **files(prepared))
    assert len(done.history) == 0 and done.facts["epochs"] == 0
    assert done.tensors["targets"].tolist() == LABELS[indices.holdout_indices(LABELS, 24)].tolist()
    save_attacker(path := tmp_path / "outer.safetensors", done)
    result = attack_features(inference(tmp_path), attacker=path, inner=inner, **files(prepared))
    rows = result.rows.frame()
    assert rows["label_guess"].between(0, 9).all() and rows["rmse"].isna().all()
    # Here the task says all.
    assert set(rows["label_correct_task"]) == {1}
    assert (rows["label_correct"] == (rows["label_guess"] == rows["label"])).all()
    assert "guess" not in result.arrays
    assert set(result.identity) >= {"weights", "attacker", "inner"}


def test_nothing_is_inferred_where_a_dataset_knows_no_more(prepared, tmp_path, monkeypatch):
    _, inner = trained(prepared, tmp_path, "blind-matched", method="blind", align="matched")
    monkeypatch.setattr(tasks, "hidden", lambda dataset: None)
    with pytest.raises(ReveilError, match="attack outer: dataset cifar10 has no labels beyond"):
        train_attacker(inference(tmp_path), inner=inner, **files(prepared))


def test_another_attacks_weights_are_refused(prepared, tmp_path):
    _, path = trained(prepared, tmp_path, method="decode")
    with pytest.raises(ReveilError, match="are of attack 'made-up', not of 'other'"):
        attack_features(work(tmp_path, "other", method="decode"), attacker=path, **files(prepared))
    with pytest.raises(ReveilError, match="do not fit attack made-up"):
        job = work(tmp_path, "made-up", method="decode", width=3)
        attack_features(job, attacker=path, **files(prepared))


# An attacker's own images -----------------------------------------------------------------------


def own(which, count=None):
    return own_indices(LABELS, {"attacker_images": which, "attacker_count": count}, RECIPE, 0)


def test_own_images_are_held_out_trained_on_or_all():
    held, seen = own("heldout"), own("train")
    assert len(held) == 24 and len(seen) == 36 and not set(held) & set(seen)
    assert own("all").tolist() == list(range(60))


def test_fewer_own_images_are_spread_over_the_classes():
    chosen = own("all", 20)
    assert np.bincount(LABELS[chosen]).tolist() == [2] * 10 and (np.diff(chosen) > 0).all()


@pytest.mark.parametrize(
    ("which", "count", "message"),
    [
        ("held-out", None, "attacker_images: 'held-out' is not allowed.*did you mean 'heldout'"),
        ("heldout", 25, "attacker_count: 25 is not allowed; allowed: up to 24"),
    ],
)
def test_own_images_that_are_not_there_are_refused(which, count, message):
    with pytest.raises(ReveilError, match=message):
        own(which, count)
