"""How many jobs may compute on GPUs at once, and what is asked for at each try."""

import re
import subprocess

from tests.workflow import Clone, environment

POLICY = "results/tiny/policies/fashion-mnist-demo/lenetzhu/none.json"


def provided(clone: Clone, cards: str, *words: str) -> str | None:
    """Return how many GPUs Snakemake has to give where some are visible, or None."""
    done = subprocess.run(
        clone.command(POLICY, "--force", *words),
        cwd=clone.path,
        capture_output=True,
        text=True,
        env={**environment(), "CUDA_VISIBLE_DEVICES": cards},
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"^Provided resources: .*gpu\D+(\d+)", done.stderr, flags=re.MULTILINE)
    return found and found[1]


def test_as_many_jobs_compute_as_there_are_gpus(fresh: Clone) -> None:
    assert provided(fresh, "0,1,2") == "3"
    assert provided(fresh, "") is None
    assert provided(fresh, "0,1,2", "--resources", "gpu=1") == "1"
    on_the_cpu = fresh.with_config("cpu", {"compute": {"device": "cpu"}})
    assert provided(on_the_cpu, "0,1,2") is None


def test_a_retry_asks_for_more_memory_and_time(fresh: Clone) -> None:
    """As a job that ran out of either has to."""
    weights = "results/tiny/models/fashion-mnist-demo/lenetzhu/none/full/seed0/weights.safetensors"
    script = fresh.path / "workflow/scripts/train_model.py"
    script.write_text(
        "import sys\nhow = snakemake.resources\n"
        "sys.exit(f'asked for {how.mem_mb} MB, {how.runtime} minutes')\n"
    )
    done = fresh.run(weights, "--retries", "2", check=False)
    asked = re.findall(r"asked for (\d+) MB, (\d+) minutes", done.stderr)
    assert [(int(mb), int(m)) for mb, m in asked] == [(8000 * k, 720 * k) for k in (1, 2, 3)]


def test_every_rule_that_computes_grows_with_its_retries(root) -> None:
    rules = "\n".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    asked = re.findall(r"^ {8}(?:mem_mb|runtime)=(.+),$", rules, flags=re.MULTILINE)
    assert len(asked) > 20
    assert [amount for amount in asked if not amount.startswith("growing(")] == []
    # In a rule they would be obeyed by each of the nested Snakemakes of a cluster's job.
    assert not re.search(r"^ {4}retries:", rules, flags=re.MULTILINE)
