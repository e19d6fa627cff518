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
    "pipeline": "demo --targets record_config",
    "planning": "--configfile config/demo.yaml --seeds 1",
    "psnr": "--model lenetzhu --images 2 --iterations 1",
    "reconstruction": "--images 2 --batch 2 --steps 1",
    "scores": "--model lenetzhu --batch 2 --policies 3-1-7 --device cpu",
    "peak": "--matrix 8 --batch 1 --bytes 64 --seconds 0.001",
    "preload": "--scripts define_policy",
    "startup": "--scripts define_policy --slowest 1",
    "training": "--model lenetzhu --images 4 --batch 2 --workers 0",
    "transforms": "--count 2",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What each benchmark printed and wrote in its smallest setting."""
    made = {}

    def run(name, *words):
        if (name, *words) not in made:
            out = tmp_path_factory.mktemp(name) / "found.json"
            line = f"{SMALLEST[name]} --repeats 1 --threads 1 --json {out}"
            script = ROOT / "benchmarks" / f"{name}.py"
            ran = subprocess.run(
                [sys.executable, str(script), *line.split(), *words], capture_output=True, text=True
            )
            assert ran.returncode == 0, ran.stderr
            made[name, *words] = ran.stdout, json.loads(out.read_text())
        return made[name, *words]

    return run


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_writes_the_keys_of_its_kept_results(name, written):
    said, found = written(name)
    ratio = found["rows"]["candidate"]["ratio"] if name == "scores" else found["ratio"]
    assert said.splitlines()[-1] == f"ratio: {ratio:.1f}"
    assert found["machine"] and found["torch"] == torch.__version__
    # Their mappings are by script, of which the smallest setting runs one.
    shape = set if name in ("startup", "preload") else keys
    assert kept(name)
    for path in kept(name):
        assert shape(json.loads(path.read_text())) <= shape(found)


def kept(script):
    """Return the kept results of a script, whose kind of run is its own."""
    names = [name for name, made in benchmarks().items() if made.script == script]
    names = [name for name in names if "--accuracy" not in (benchmarks()[name].cpu or "")]
    found = [path for name in names for path in RESULTS.glob(f"{name}-cpu*.json")]
    return found


def benchmarks():
    from benchmarks.run import BENCHMARKS

    return BENCHMARKS


def keys(value, start=()):
    """Return the paths of all keys of nested mappings."""
    if not isinstance(value, dict):
        return set()
    paths = {(*start, key) for key in value}
    return paths.union(*(keys(inner, (*start, key)) for key, inner in value.items()))


def test_a_whole_private_network_gives_the_same_logits_in_both_ways(written):
    _, found = written("complex", "--whole")
    assert set(found["ratios"]) == {"stacked real", "stacked complex", "native"}


def test_reconstruction_is_set_beside_batched_measurements(written):
    _, found = written("reconstruction")
    seconds = found["seconds"]
    assert found["ratio_batched"] == pytest.approx(seconds["batched"] / seconds["reveil fp32"])


@pytest.mark.parametrize("seeds", ["1", "2"])
def test_accuracies_of_both_ways_are_compared(written, seeds):
    sizes = ("--epochs", "1", "--tests", "20", "--seeds", seeds)
    _, found = written("training", "--accuracy", *sizes)
    assert len(found["accuracy_pct_by_seed"]["reference"]) == int(seeds)
    shares, gaps = found["accuracy_pct"], found["difference_pct"]
    assert set(shares) == {"reference", *gaps} and found["n_test"] == 20
    for name, (value, low, high) in gaps.items():
        assert value == pytest.approx(shares[name] - shares["reference"]) and low <= value <= high
    value, low, high = found["bf16_to_fp32_pct"]
    assert value == pytest.approx(shares["reveil bf16"] - shares["reveil fp32"])
    assert low <= value <= high


def test_masks_of_a_batch_remove_half_of_every_image(monkeypatch):
    # Scripts of a folder find each other there.
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from benchmarks import reconstruction

    found = reconstruction.removed_batch(torch.ones(3, 1, 8, 8))
    assert found.sum((1, 2, 3)).tolist() == [32, 32, 32]
    assert not torch.equal(found[0], found[1])


def test_every_benchmark_is_run():
    helpers = {"cost", "paired", "pillow_training", "reference", "run", "source"}
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert scripts - helpers == set(SMALLEST) == {made.script for made in benchmarks().values()}


STUB = """
import sys, time
out = sys.argv[sys.argv.index("--json") + 1]
name = sys.argv[0].rpartition("/")[2]
if name == "bad.py":
    sys.exit(3)
if name == "endless.py":
    open(out + ".begun", "w").close()
    time.sleep(600)
open(out, "w").write(" ".join(sys.argv[1:]))
"""


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """Run stand-ins for benchmarks, and return their status and the names of their results."""
    from benchmarks import run

    for name in ("one", "two", "bad", "endless"):
        (tmp_path / f"{name}.py").write_text(STUB)
    monkeypatch.setattr(run, "HERE", tmp_path)
    out = tmp_path / "results"
    out.mkdir()

    def call(listed, *words):
        monkeypatch.setattr(sys, "argv", ["run.py", "--out", str(out), *words])
        made = {name: run.Benchmark(name, minutes=0.01) for name in listed}
        status = run.run_all(run.parse_options(), made)
        return status, sorted(path.name for path in out.glob("*.json"))

    return call


def test_results_are_called_after_benchmark_and_device(stubs, tmp_path):
    assert stubs(["one", "two"], "--threads", "3") == (0, ["one-cpu3.json", "two-cpu3.json"])
    assert (tmp_path / "results/one-cpu3.json").read_text().startswith("--threads 3 --device cpu")


def test_a_benchmark_that_fails_fails_the_run(stubs, capsys):
    assert stubs(["one", "bad", "two"]) == (1, ["one-cpu2.json"])
    assert capsys.readouterr().err == "failed: bad\n"


def test_calls_of_some_minutes_go_on_with_what_is_left(stubs, capsys):
    """The one that has no time left is ended and begun again; what is there is kept."""
    status, found = stubs(["one", "endless", "two"], "--minutes", "0.02")
    assert (status, found) == (75, ["one-cpu2.json"])
    assert "left for the next call: endless two" in capsys.readouterr().out
    status, found = stubs(["one", "two"], "--minutes", "1")
    assert (status, found) == (0, ["one-cpu2.json", "two-cpu2.json"])
    assert "results/one-cpu2.json is there" in capsys.readouterr().out


def test_names_that_are_no_benchmarks_are_refused(stubs):
    with pytest.raises(SystemExit, match="--only three: allowed: one two"):
        stubs(["one", "two"], "--only", "three")
