"""The small modules that every job stands on: files, digests, states, devices, progress, chunks."""

import ast
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from reveil import chunks, digest, files
from reveil.errors import ReveilError, nearest, not_allowed
from reveil.job import Job, State, choose_device
from reveil.progress import Progress
from reveil.rng import generator, stream_seed
from reveil.stages.work import block_positions


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_written_files_are_readable_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        files.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(mask)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_arrays_and_tables_come_back(tmp_path: Path) -> None:
    files.write_npz(tmp_path / "a.npz", {"x": np.arange(3)})
    files.write_npy(tmp_path / "b.npy", np.arange(4))
    files.write_csv(tmp_path / "c.csv", pd.DataFrame({"v": [1 / 3]}))
    files.write_json(tmp_path / "d.json", {"b": 1, "a": [2]})
    assert np.load(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]
    assert np.load(tmp_path / "b.npy").tolist() == [0, 1, 2, 3]
    assert (tmp_path / "c.csv").read_text() == "v\n0.3333333333\n"
    assert json.loads((tmp_path / "d.json").read_text()) == {"a": [2], "b": 1}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's place in which code_digest looks."""
    home = tmp_path / "reveil"
    (home / "sub").mkdir(parents=True)
    (home / "__init__.py").write_text('"""Package."""\n')
    (home / "top.py").write_text("from reveil import low\nfrom reveil.sub import leaf\n")
    (home / "low.py").write_text("VALUE = 1\n")
    (home / "aside.py").write_text("VALUE = 1\n")
    (home / "sub" / "__init__.py").write_text("")
    (home / "sub" / "leaf.py").write_text("from . import other\n")
    (home / "sub" / "other.py").write_text("def f():\n    return 1\n")

    class Spec:
        origin = str(home / "__init__.py")

    monkeypatch.setattr(digest, "find_spec", lambda name: Spec)
    return home


def digest_of(*modules: str) -> str:
    digest._parse.cache_clear()
    digest._source.cache_clear()
    return digest.code_digest(*modules)


@pytest.fixture(autouse=True)
def forget_parsed_modules():
    yield
    digest._parse.cache_clear()
    digest._source.cache_clear()


@pytest.mark.parametrize("module", ["top", "low", "sub/leaf", "sub/other", "sub/__init__"])
def test_code_digest_follows_imports(package: Path, module: str) -> None:
    before = digest_of("reveil.top")
    path = package / f"{module}.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert digest_of("reveil.top") != before


def test_code_digest_ignores_comments_docstrings_and_other_modules(package: Path) -> None:
    before = digest_of("reveil.top")
    (package / "low.py").write_text('"""What this is."""\n\n\nVALUE  =  1  # a remark\n')
    (package / "sub" / "other.py").write_text('def f():\n    """Say 1."""\n    return 1\n')
    (package / "aside.py").write_text("VALUE = 2\n")
    assert digest_of("reveil.top") == before


def test_code_digest_of_an_unknown_module_fails() -> None:
    with pytest.raises(ModuleNotFoundError, match="reveil.nowhere"):
        digest.code_digest("reveil.nowhere")


def test_streams_differ_by_seed_purpose_and_image_and_are_stable() -> None:
    assert stream_seed(0, "policy", 17) == stream_seed(0, "policy", 17)
    streams = {stream_seed(*key) for key in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 11)]}
    assert len(streams) == 4
    assert stream_seed(0, "policy", 17) == 4137712522180902352
    first, second = (torch.rand(3, generator=generator(3, "x")) for _ in range(2))
    assert torch.equal(first, second)


def test_state_comes_back_and_is_cleared(tmp_path: Path) -> None:
    state = State(tmp_path / "s", {"recipe": {"epochs": 2}}, interval=0)
    assert state.load() is None
    state.save({"x": torch.arange(3)}, {"epoch": 1})
    tensors, facts = State(tmp_path / "s", {"recipe": {"epochs": 2}}).load()
    assert tensors["x"].tolist() == [0, 1, 2]
    assert facts == {"epoch": 1}
    state.clear()
    assert not (tmp_path / "s").exists()


def test_state_of_another_recipe_is_refused_with_a_word_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    State(tmp_path, {"epochs": 2}).save({"x": torch.ones(1)}, {})
    with caplog.at_level(logging.WARNING):
        assert State(tmp_path, {"epochs": 3}).load() is None
    assert "epochs is 2 there, 3 here" in caplog.text
    assert len(list(tmp_path.glob("refused-*.safetensors"))) == 1


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"\xff" * 64])
def test_damaged_state_is_refused(tmp_path: Path, caplog, damage) -> None:
    state = State(tmp_path, {"epochs": 2})
    state.save({"x": torch.ones(100)}, {})
    state.path.write_bytes(damage(state.path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert state.load() is None
    assert "is damaged" in caplog.text


def test_state_is_due_after_its_interval(tmp_path: Path) -> None:
    assert State(tmp_path, {}, interval=0).due()
    assert not State(tmp_path, {}, interval=1e9).due()


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_asked_for_where_there_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ReveilError, match=f"device: '{name}' was asked for, but PyTorch .* no GPU"):
        choose_device(name)


def test_unknown_device() -> None:
    with pytest.raises(ReveilError, match="device: 'tpu' is not allowed; allowed: auto, cpu"):
        choose_device("tpu")


def test_errors_end_a_job_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as ended, Job("mend_me", str(log)):
        raise ReveilError("key: 3 is wrong")
    assert ended.value.code == 1
    assert log.read_text().endswith("error: key: 3 is wrong\n")
    assert "Traceback" not in log.read_text()


def test_other_exceptions_keep_their_traceback(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with pytest.raises(ZeroDivisionError), Job("broken", str(log)):
        _ = 1 / 0
    assert "Traceback" in log.read_text()


def test_a_full_gpu_is_one_error_that_says_what_helps(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as ended, Job("train", str(log), device="cpu"):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    assert ended.value.code == 1
    assert "error: train: out of GPU memory on cpu, in pieces as small" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_provenance_names_versions_and_facts(tmp_path: Path) -> None:
    with Job("a", str(tmp_path / "a.log"), device="cpu", threads=1) as job:
        facts = job.provenance(recipe={"epochs": 2})
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["device"] == "cpu"
    assert facts["recipe"] == {"epochs": 2}


def test_a_job_ends_with_the_snakemake_that_started_it(tmp_path: Path) -> None:
    """A process called snakemake starts a job and is killed; the job must not outlive it."""
    engine = tmp_path / "snakemake"
    engine.write_text(
        textwrap.dedent("""\
        import subprocess, sys, time
        job = "from reveil import ending; ending.end_with_snakemake(0.05)"
        job += "; import time; time.sleep(60)"
        print(subprocess.Popen([sys.executable, "-c", job]).pid, flush=True)
        time.sleep(60)
        """)
    )
    source = str(Path(digest.__file__).parent.parent)
    started = subprocess.Popen(
        [sys.executable, str(engine)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    job = int(started.stdout.readline())
    time.sleep(1)
    started.kill()
    started.wait()
    for _ in range(200):
        status = Path(f"/proc/{job}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    os.kill(job, 9)
    pytest.fail("the job lives on")


JOB = """
import atexit, os, sys
from reveil.job import Job
end = os._exit
os._exit = lambda status: (os.write(1, b"left"), end(status))
atexit.register(print, "tidied")
{first}
with Job("a", sys.argv[1]):
    print("worked")
    {within}
{after}
"""


@pytest.mark.parametrize(
    ("first", "within", "after", "said", "status"),
    [
        # Snakemake hands its scripts an object of this name.
        ("snakemake = None", "", "", "worked tidied left", 0),
        ("", "", "", "worked tidied", 0),
        ("snakemake = None", "1 / 0", "", "worked tidied", 1),
        ("snakemake = None", "sys.exit(3)", "", "worked tidied", 3),
        ("snakemake = None", "", "1 / 0", "worked tidied", 1),
    ],
    ids=["script", "no script", "failed", "exit", "failed after its job"],
)
def test_a_finished_script_leaves_without_freeing_what_it_holds(
    tmp_path: Path, first: str, within: str, after: str, said: str, status: int
) -> None:
    """Its output, its status, and what others registered for the end stay as they are."""
    script = tmp_path / "job.py"
    script.write_text(JOB.format(first=first, within=within, after=after))
    source = str(Path(digest.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "a.log")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert (done.stdout.split(), done.returncode) == (said.split(), status), done.stderr


def test_chunks_halve_when_memory_runs_out() -> None:
    tried = []

    def work(piece: slice) -> int:
        size = piece.stop - piece.start
        tried.append(size)
        if size > 3:
            raise torch.cuda.OutOfMemoryError
        return size

    assert chunks.run_in_chunks(work, 10, 8) == [2, 2, 2, 2, 2]
    assert tried[:3] == [8, 4, 2]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        chunks.run_in_chunks(
            lambda piece: (_ for _ in ()).throw(torch.cuda.OutOfMemoryError()), 2, 1
        )


def test_progress_says_what_how_far_and_how_long(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        progress = Progress("train", 4, done=1, every=1e9)
        progress.step(2)
        assert not caplog.text
        progress.step(note="loss 0.5")
    assert "train: 4/4 (100 %)" in caplog.text
    assert "loss 0.5" in caplog.text


def test_names_of_blocks() -> None:
    assert list(block_positions("00016-00018")) == [16, 17, 18]
    for bad in ("16", "5-3", "a-b"):
        with pytest.raises(ReveilError, match="block"):
            block_positions(bad)


def test_nearest_names() -> None:
    assert nearest("cifar1000", ["cifar10", "cifar100", "mnist"]) == "cifar100"
    assert nearest("zzz", ["cifar10"]) is None
    assert not_allowed("model", "lenet", ["lenetzhu"]).endswith("did you mean 'lenetzhu'?")


def test_lock_and_environments_agree(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(root / "envs/write_envs.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_pyproject_pins_what_the_lock_pins(root: Path) -> None:
    import re
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    pins = project["dependencies"] + project["optional-dependencies"]["dev"]
    lock = dict(
        line.lower().replace("_", "-").split("==")
        for line in (root / "envs/lock.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    for pin in pins:
        name, version = re.fullmatch(r"([\w.-]+)==([\w.]+)", pin).groups()
        assert lock[name.lower().replace("_", "-")] == version


def test_lock_is_what_runs_here(root: Path) -> None:
    from importlib.metadata import version

    for line in (root / "envs/lock.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, pinned = line.split("==")
            assert version(name).partition("+")[0] == pinned


def test_library_imports_no_snakemake(root: Path) -> None:
    for path in (root / "src").rglob("*.py"):
        for line in path.read_text().splitlines():
            assert not line.strip().startswith(("import snakemake", "from snakemake")), path


def test_scripts_are_adapters(root: Path) -> None:
    """One script a rule, same name; no script reads the config."""
    text = "\n".join(path.read_text() for path in (root / "workflow").rglob("*.smk"))
    blocks = re.findall(r"^rule (\w+):\n((?:[ ]{4}.*\n|\n)*)", text, flags=re.MULTILINE)
    rules = {name for name, block in blocks if "    script:\n" in block}
    assert len(rules) > 60
    # What has no script is a target: it asks for files, and makes none.
    for name, block in blocks:
        assert name in rules or "    output:\n" not in block, name
    scripts = {path.stem: path.read_text() for path in (root / "workflow/scripts").glob("*.py")}
    assert set(scripts) == rules
    for name, text in scripts.items():
        assert "snakemake.config" not in text, name
        assert len(text.splitlines()) <= 30, name
        assert f'Job("{name}"' in text or f'"{name}"' in text, name
        # With its job a script ends (reveil.ending.leave).
        assert isinstance(ast.parse(text).body[-1], ast.With), name


def test_every_figure_and_table_has_a_caption_that_tells_of_synthetic_data(root: Path) -> None:
    scripts = (root / "workflow/scripts").glob("*_*_*.py")
    drawn = {path.stem for path in scripts if path.stem.split("_")[1] in ("table", "figure")}
    captions = {path.stem: path.read_text() for path in (root / "workflow/report").glob("*.rst")}
    assert set(captions) - {"workflow", "judge_claims"} == drawn
    assert [name for name in drawn if "Synthetic: {{" not in captions[name]] == []
