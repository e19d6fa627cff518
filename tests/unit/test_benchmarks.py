"""Timing in turns with a made-up clock, and each benchmark in its smallest setting."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from benchmarks import paired

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
CPU = torch.device("cpu")


class Clock:
    """A clock that only work moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, *durations: float):
        """Return work that takes the durations, one a call."""
        left = iter(durations)

        def done() -> None:
            self.calls.append(name)
            self.now += next(left)

        return done


def test_ways_take_turns_after_a_warm_up_that_does_not_count():
    clock = Clock()
    works = {"plain": clock.work("plain", 90, 6, 8, 4), "fast": clock.work("fast", 70, 2, 1, 4)}
    ways = {name: paired.timed(work, CPU, clock) for name, work in works.items()}
    runs = paired.alternate(ways, 3)
    assert clock.calls == ["plain", "fast"] * 4
    assert runs == {"plain": [6, 8, 4], "fast": [2, 1, 4]}


def test_a_warm_up_of_its_own_stands_in_for_the_ways():
    clock = Clock()
    ways = {"plain": paired.timed(clock.work("plain", 3, 5), CPU, clock)}
    assert paired.alternate(ways, 1, warm_up={"few": clock.work("few", 1)}) == {"plain": [3]}
    assert paired.alternate(ways, 1, warm_up={}) == {"plain": [5]}
    assert clock.calls == ["few", "plain", "plain"]


def test_ratios_are_taken_within_a_round():
    runs = {"plain": [6, 8, 4], "fast": [1, 2, 4]}
    compared = paired.Comparison(runs, reference="plain")
    assert compared.seconds == {"plain": (4, 6, 8), "fast": (1, 2, 4)}
    # 6, 4 and 1 in the three rounds, whereas the ratio of the medians is 3.
    assert compared.ratios == {"plain": (1, 1, 1), "fast": (1, 4, 6)}
    assert compared.facts() == {
        "seconds": {"plain": 6, "fast": 2},
        "seconds_range": {"plain": (4, 8), "fast": (1, 4)},
        "ratios": {"plain": 1, "fast": 4},
        "ratios_range": {"plain": (1, 1), "fast": (1, 6)},
    }
    assert str(compared.ratios["fast"]) == "1.00 to 6.00"
    with pytest.raises(ValueError, match="shorter"):
        _ = paired.Comparison({"reference": [1, 2], "ours": [1]}).ratios


def test_the_machine_is_named_by_processor_cores_threads_and_versions(tmp_path):
    facts = paired.machine(CPU)
    assert 1 <= facts["cores"] <= os.cpu_count()
    assert facts["threads"] == torch.get_num_threads()
    named = {
        **facts,
        "cpu": "Some CPU @ 2 GHz",
        "cores": 8,
        "threads": 4,
        "python": "3.11.7",
        "versions": {"torch": "2.13.0"},
    }
    line = "Some CPU @ 2 GHz, 8 cores, 4 threads, Python 3.11.7, torch 2.13.0"
    assert paired.described(named) == line
    assert paired.described({**named, "gpu": "Some GPU"}) == f"Some GPU, {line}"

    options = SimpleNamespace(json=tmp_path / "new" / "found.json", batch=3)
    paired.write(options, CPU, {"ratio": 2.0})
    assert json.loads(options.json.read_text()) == {
        "batch": 3,
        "machine": paired.described(facts),
        "torch": torch.__version__,
        "ratio": 2.0,
    }


SMALLEST = {
    "attack": "--model lenetzhu --images 1 --iterations 1",
    "complex": "--batch 1",
    "reconstruction": "--images 2 --batch 2 --steps 1",
    "scores": "--model lenetzhu --batch 2 --policies 3-1-7 --device cpu",
    "training": "--model lenetzhu --images 4 --batch 2",
    "transforms": "--count 2",
}


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_writes_the_keys_of_its_kept_results(name, tmp_path):
    out = tmp_path / "found.json"
    line = f"{SMALLEST[name]} --repeats 1 --threads 1 --json {out}"
    script = ROOT / "benchmarks" / f"{name}.py"
    ran = subprocess.run(
        [sys.executable, str(script), *line.split()], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(out.read_text())
    ratio = found["rows"]["candidate"]["ratio"] if name == "scores" else found["ratio"]
    assert ran.stdout.splitlines()[-1] == f"ratio: {ratio:.1f}"
    assert found["machine"] and found["torch"] == torch.__version__
    kept = list(RESULTS.glob(f"{name}-*.json"))
    assert kept
    for path in kept:
        assert keys(json.loads(path.read_text())) <= keys(found)


def keys(value, start=()):
    """Return the paths of all keys of nested mappings."""
    if not isinstance(value, dict):
        return set()
    paths = {(*start, key) for key in value}
    return paths.union(*(keys(inner, (*start, key)) for key, inner in value.items()))


def test_every_benchmark_is_run():
    helpers = {"paired", "reference", "source"}
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert scripts - helpers == set(SMALLEST)
