"""Runs that are killed and started again, block sizes, and damaged files."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reveil import rows
from tests.ats_tables import tables
from tests.workflow import Clone

TARGET = "ats_table_policies"
# Every step is saved, so that a run can be killed at a point that is known.
SLOW = {
    "compute": {"state_seconds": 0},
    "recipes": {"full": {"epochs": 3}},
    "attacks": {"inversed": {"iterations": 60}},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """The tables of a run that nobody disturbed, and its clone."""
    from tests.workflow import clone_repository

    path = tmp_path_factory.mktemp("undisturbed") / "clone"
    clone = clone_repository(path).with_config("slow", SLOW)
    clone.run(TARGET)
    return tables(clone), path


def state_of(rule: str) -> Callable[[Path], bool]:
    return lambda path: any((path / "scratch" / rule).rglob("state.safetensors"))


def some_attack_done(path: Path) -> bool:
    return any((path / "results").rglob("attacks/**/*.json"))


@pytest.mark.parametrize(
    ("moment", "rule"),
    [
        (state_of("train_model"), "train_model"),
        (state_of("attack_images"), "attack_images"),
        (some_attack_done, None),
    ],
    ids=["inside a training", "inside an attack", "between jobs"],
)
def test_a_killed_run_started_again_ends_with_the_same_tables(
    fresh: Clone, undisturbed: tuple[dict, Path], moment: Callable, rule: str | None
) -> None:
    clone = fresh.with_config("slow", SLOW)
    clone.killed_when(moment, TARGET)
    assert not (clone.path / "results/tiny/ats/tables/policies.csv").exists()
    if rule is not None:
        assert state_of(rule)(clone.path), "it was not killed inside the job"
    clone.run("--unlock")
    said = clone.run(TARGET)
    if rule is not None:
        assert f"resuming from scratch/{rule}" in said.stderr
    for name, table in tables(clone).items():
        pd.testing.assert_frame_equal(table, undisturbed[0][name], check_exact=True)


def test_block_size_changes_no_row(changed: Clone) -> None:
    """Four images in one block, and one by one: the same rows but for rounding."""
    keys = ["policy", "image"]
    before = rows.read(changed.path / "results/tiny/ats/tables/images.csv").set_index(keys)
    for size in (1, 4):
        # Blocks of one hold no batch of images, which an experiment has.
        own = {"block": size, "experiments": {"targets": []}}
        clone = changed.with_config("blocks", {"studies": {"ats": own}})
        clone.run("results/tiny/ats/tables/images.csv")
        after = rows.read(changed.path / "results/tiny/ats/tables/images.csv").set_index(keys)
        after = after.loc[before.index]
        same = ["label", "member", "augment", "iterations", "status", "content_fraction"]
        pd.testing.assert_frame_equal(after[same], before[same])
        for column in ("floor_db", "psnr_db", "psnr_original_db", "ssim", "cost"):
            # Six signed float32 steps: a sign may flip where a gradient is next to nothing.
            assert np.allclose(after[column], before[column], atol=0.02), column


def test_a_damaged_checkpoint_is_named_and_the_rest_stays(changed: Clone) -> None:
    models = changed.path / "results/tiny/models/fashion-mnist-demo/lenetzhu"
    weights = models / "none/full/seed0/weights.safetensors"
    times = weights.stat().st_atime_ns, weights.stat().st_mtime_ns
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=times)
    done = changed.with_config("more", {"attacks": {"inversed": {"iterations": 7}}}).run(
        TARGET, check=False
    )
    assert done.returncode != 0
    assert "weights.safetensors: the tensors are not those that were saved" in done.stderr
    assert "Traceback" not in done.stderr
    assert weights.exists()
    assert (changed.path / "results/tiny/ats/tables/scores.csv").exists()


def test_a_state_of_another_recipe_is_refused_with_a_word(fresh: Clone) -> None:
    clone = fresh.with_config("slow", SLOW)
    target = "results/tiny/models/fashion-mnist-demo/lenetzhu/none/full/seed0/weights.safetensors"
    clone.killed_when(state_of("train_model"), target)
    clone.run("--unlock")
    other = clone.with_config("other", {"recipes": {"full": {"learning_rate": 0.05}}})
    said = other.run(target)
    assert "refused: it belongs to another job" in said.stderr
    assert "'learning_rate': 0.1" in said.stderr
    assert list((clone.path / "scratch/train_model").rglob("refused-*.safetensors"))


def test_a_gpu_asked_for_where_there_is_none(changed: Clone) -> None:
    target = "results/tiny/models/fashion-mnist-demo/lenetzhu/none/full/seed0/weights.safetensors"
    overrides = {"compute": {"device": "cuda:77"}, "recipes": {"full": {"epochs": 1}}}
    done = changed.with_config("gpu", overrides).run(target, check=False)
    assert done.returncode != 0
    assert "error: device: 'cuda:77'" in done.stderr
    assert "Traceback" not in done.stderr
