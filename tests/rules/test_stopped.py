"""Every kind of long job, asked to end while it works: what was done is saved, and gone on with."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from reveil import rows
from tests.workflow import Clone

# The first time that any job asks whether to save, a real SIGTERM comes to its process. Nothing
# else is saved in these runs.
ASKED = """
import os, signal
from reveil.job import State
asked = State.due
def due(state):
    if not os.path.exists("asked"):
        open("asked", "w").close()
        os.kill(os.getpid(), signal.SIGTERM)
    return asked(state)
State.due = due
"""
SEEDED = "results/tiny/models/*"
KINDS = {
    "train_model": f"{SEEDED}/lenetzhu/none/full/seed0/weights.safetensors",
    "train_private_model": f"{SEEDED}/resnet20-alpha-w4/rotation/cvnn/seed0/weights.safetensors",
    "train_attacker": "results/tiny/cvnn/attackers/**/inversion1/weights.safetensors",
    "train_reconstruction": f"{SEEDED}/unet*/*/unir/seed0/weights.safetensors",
    "attack_images": "results/tiny/ats/attacks/fixed/**/inversed/none/*.csv",
    "score_candidates": "results/tiny/ats/search/fixed/**/scores-*.csv",
}


@pytest.fixture(scope="module")
def copied(tiny: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A copy of the finished ``tiny`` clone whose jobs save only when they are asked to end."""
    with tiny.copy(tmp_path_factory.mktemp("stopped")) as clone:
        yield clone.with_config("patient", {"compute": {"state_seconds": 3600}})


def content(path: Path) -> dict | pd.DataFrame:
    """Return what a result says, without how long it took."""
    if path.suffix == ".csv":
        table = rows.read(path)
        return table.drop(columns=[name for name in table if name.endswith("seconds")])
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(path).items()}


@pytest.mark.parametrize("rule", KINDS)
def test_a_job_that_is_asked_to_end_is_gone_on_with(copied: Clone, rule: str) -> None:
    """In the retry, and to the same result."""
    path = sorted(copied.path.glob(KINDS[rule]))[0]
    target = str(path.relative_to(copied.path))
    before = content(path)
    path.unlink()
    (copied.path / "asked").unlink(missing_ok=True)
    script = copied.path / f"workflow/scripts/{rule}.py"
    original = script.read_text()
    script.write_text(ASKED + original)
    try:
        said = copied.run(target, "--retries", "1", "--rerun-triggers", "mtime").stderr
    finally:
        script.write_text(original)
    assert f"stopped by SIGTERM; started again it resumes from scratch/{rule}/" in said
    assert said.count(f"resuming from scratch/{rule}/") == 1
    assert "Traceback" not in said
    assert not list((copied.path / "scratch" / rule).rglob("state.safetensors"))
    after = content(path)
    if isinstance(after, dict):
        assert after == before
    else:
        pd.testing.assert_frame_equal(after, before)
