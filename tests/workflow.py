"""A clone of the repository in a temporary folder, and Snakemake run in it as a user would."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
# Seconds of one run beside other tests, and of all of tiny: less than pytest grants a test.
LONGEST, LONGEST_OF_TINY = 900, 1700


@dataclass(frozen=True)
class Clone:
    """A working copy; ``config`` are the files laid over config.yaml, later ones win."""

    path: Path
    config: tuple[str, ...] = ("config/tiny.yaml",)

    def with_config(self, name: str, overrides: dict) -> "Clone":
        """Return the same clone with one more config file on top."""
        file = self.path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(overrides))
        return Clone(self.path, (*self.config, file.name))

    def command(self, *words: str, cores: int = 2) -> list[str]:
        """Return the command line; targets and options come first, lists swallow what follows."""
        chosen = ["--configfile", *self.config] if self.config else []
        return [*SNAKEMAKE, *words, "--cores", str(cores), *chosen]

    def run(
        self, *words: str, check: bool = True, cores: int = 2, seconds: int = LONGEST
    ) -> subprocess.CompletedProcess:
        """Run Snakemake to its end and return what it said; after ``seconds`` it hangs."""
        command = self.command(*words, cores=cores)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        engine = subprocess.Popen(command, cwd=self.path, env=environment(), **pipes)
        try:
            done = subprocess.CompletedProcess(command, None, *engine.communicate(timeout=seconds))
        except subprocess.TimeoutExpired:
            # Who waits for whom is all that a later reader has to find out why.
            alive = "\n".join(family(engine))
            kill_tree(engine)
            said = "(another process holds its output open)"
            with suppress(subprocess.TimeoutExpired):
                said = "".join(engine.communicate(timeout=30))
            raise AssertionError(f"snakemake {' '.join(words)} hangs:\n{alive}\n{said}") from None
        except BaseException:
            # The test's own limit, or an interrupt: nothing goes on behind it.
            kill_tree(engine)
            raise
        done.returncode = engine.returncode
        if check and done.returncode:
            raise AssertionError(f"snakemake {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done

    def plan(self, *words: str) -> dict[str, int]:
        """Return {rule: number of jobs} of a dry run; empty when nothing is to be done."""
        said = self.run(*words, "--dry-run", "--quiet", "rules")
        text = said.stdout + said.stderr
        if "Nothing to be done" in text:
            return {}
        table = text[text.index("Job stats:") :]
        rows = re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in rows if rule != "total"}

    def killed_when(self, condition: Callable[[Path], bool], *words: str) -> None:
        """Run Snakemake and SIGKILL it with all its jobs as soon as ``condition(path)`` holds."""
        with (self.path / "killed.log").open("w") as said:
            engine = subprocess.Popen(
                self.command(*words), cwd=self.path, stdout=said, stderr=said, env=environment()
            )
            try:
                while not condition(self.path):
                    if engine.poll() is not None:
                        text = (self.path / "killed.log").read_text()
                        raise AssertionError(f"it ended before it could be killed:\n{text}")
                    time.sleep(0.005)
            finally:
                kill_tree(engine)

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        """Change one file of the clone and make sure that it looks newer than every result."""
        path = self.path / file
        path.write_text(change(path.read_text()))

    def touch(self, file: str) -> None:
        """Give one file of the clone the present time."""
        os.utime(self.path / file)

    @contextmanager
    def copy(self, parent: Path) -> Iterator["Clone"]:
        """Yield a copy, results and their records included, that a test may change."""
        target = parent / "copy"
        shutil.copytree(self.path, target, symlinks=True)
        yield Clone(target, self.config)
        shutil.rmtree(target)


def environment() -> dict[str, str]:
    """Return the environment of a user with nothing of the test process in it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHONPATH"))}
    return {**kept, "OMP_NUM_THREADS": "1"}


def family(engine: subprocess.Popen) -> list[str]:
    """Return a line a process below this one and of its own: state, what it waits in, command."""
    lines = []
    for process in (me := psutil.Process(engine.pid), *me.children(recursive=True)):
        with suppress(psutil.Error, OSError):
            waits = Path(f"/proc/{process.pid}/wchan").read_text()
            lines.append(f"{process.pid} {process.status()} {waits} {process.cmdline()}")
    return lines


def kill_tree(engine: subprocess.Popen) -> None:
    """SIGKILL a process and everything below it, and wait until all are gone."""
    try:
        family = [psutil.Process(engine.pid), *psutil.Process(engine.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    engine.wait()
    psutil.wait_procs(family, timeout=30)


def clone_repository(target: Path) -> Clone:
    """Copy what git tracks, or would track, into ``target``."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            destination = target / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, destination)
    return Clone(target)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock shared by the test processes."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
