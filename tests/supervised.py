"""A supervisor over a Snakemake, squeue and scancel that are scripts, driven by files."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.workflow import ROOT

QUICK = {
    **{"tick-seconds": 0.02, "check-seconds": 0.1, "line-seconds": 0.2, "hang-seconds": 0.4},
    **{"hang-checks": 3, "interrupt-seconds": 1, "leftover-seconds": 0.5, "settle-seconds": 0.1},
    **{"squeue-seconds": 20, "pause-seconds": 0.05},
}
RUN = "11111111-2222-3333-4444-555555555555"

# Each start takes the next part of the script, a list of steps. What happened is in events.
SNAKEMAKE = """
import fcntl, json, os, signal, subprocess, sys, time
from pathlib import Path

def event(*words):
    with open("events", "a") as log:
        log.write(" ".join(map(str, words)) + "\\n")

def queue():
    return Path("queue").read_text().split()

locks = Path(".snakemake", "locks")
if "--unlock" in sys.argv:
    event("unlock", len(queue()))
    for file in locks.iterdir():
        file.unlink()
    sys.exit(0)

stubborn = False

def interrupted(number, frame):
    event("interrupted")
    if not stubborn:
        leave(1)

def leave(status):
    for file in locks.iterdir():
        file.unlink()
    event("end", status)
    os._exit(status)

signal.signal(signal.SIGINT, interrupted)
count = Path("starts")
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
event("start", len(queue()), os.getpid(), *sys.argv[1:])
locks.mkdir(parents=True, exist_ok=True)
(locks / "0.output.lock").write_text("out")
steps = json.loads(Path("script").read_text())
for step, value in steps[min(number, len(steps) - 1)]:
    if step == "say":
        print(value, flush=True)
    elif step == "submit":
        with open("queue.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open("queue", "a") as log:
                log.write(value + "\\n")
    elif step == "wait":
        while not Path(value).exists():
            time.sleep(0.02)
    elif step == "talk":
        while not Path(value).exists():
            print("something new", flush=True)
            time.sleep(0.02)
    elif step == "compute":
        while not Path(value).exists():
            pass
    elif step == "child":
        code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
        subprocess.Popen([sys.executable, "-S", "-c", code])
    elif step == "stubborn":
        stubborn = True
    elif step == "save":
        Path("scratch").mkdir(exist_ok=True)
        Path("scratch", "state").write_text(str(number))
    elif step == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif step == "exit":
        leave(value)
leave(0)
"""

# queue: a line per job; squeue drops those that come to their end after some more answers. Who
# changes it holds its lock: squeue writes back what it read, and a job that came between is lost.
SLURM = """
import fcntl, os, sys
from pathlib import Path

lock = open("queue.lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
me = Path(sys.argv[0]).name
failing = Path("failing")
answers = failing.read_text().split() if failing.exists() else []
fails = bool(answers) and answers[0] == "error"
if len(answers) > 1:
    failing.write_text(" ".join(answers[1:]))
rows = [line.split("|") for line in Path("queue").read_text().split()]
with open("events", "a") as log:
    log.write(f"{me} {'error' if fails else len(rows)} {' '.join(sys.argv[1:])}\\n")
if fails:
    print("slurm_load_jobs error: Unable to contact slurm controller", file=sys.stderr)
    sys.exit(1)
names = [a.split("=", 1)[1].split(",") for a in sys.argv[1:] if a.startswith("--name=")][0]
kept = []
for id, state, reason, name in rows:
    if me == "scancel" and name in names:
        state = "COMPLETING" if state != "COMPLETING" else state
    elif state == "COMPLETING":
        if reason == "0":
            continue
        reason = str(int(reason) - 1)
    kept.append("|".join((id, state, reason, name)))
Path("queue.new").write_text("".join(row + "\\n" for row in kept))
os.replace("queue.new", "queue")
if me == "squeue":
    print("".join(row + "\\n" for row in kept if row.split("|")[3] in names), end="")
"""


def planned(total: int) -> list[list[str]]:
    """Return what Snakemake says once it has planned so many steps."""
    table = f"Job stats:\njob      count\n-----  -------\nwork       {total}\ntotal      {total}\n"
    return [["say", f"SLURM run ID: {RUN}"], ["say", table]]


def finished(done: int, total: int) -> list[str]:
    """Return what Snakemake says when a step has ended."""
    return ["say", f"{done} of {total} steps ({100 * done // total}%) done"]


def failed(rule: str, jobid: int = 1) -> list[str]:
    """Return what Snakemake says when a job has failed."""
    return ["say", f"[Sun Nov 22 06:13:46 2026]\nError in rule {rule}:\n    jobid: {jobid}\n"]


def job(number: int, state: str = "RUNNING", reason: str = "2", run: str = RUN) -> list[str]:
    """Return the step that puts a job into the queue; its reason is for how many answers of
    squeue it stays there once it is cancelled."""
    return ["submit", f"{number}|{state}|{reason}|{run}"]


class Stage:
    """A folder with those scripts; processes that it started end with :meth:`clear`."""

    def __init__(self, folder: Path, *, slurm: bool = True) -> None:
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        for name, text in {"snakemake": SNAKEMAKE, "squeue": SLURM, "scancel": SLURM}.items():
            if slurm or name == "snakemake":
                (tools / name).write_text(f"#!{sys.executable} -ES\n{text}")
                (tools / name).chmod(0o755)
        self.write("queue", "")
        self.started: list[subprocess.Popen] = []

    def write(self, name: str, text: str) -> None:
        """Give a file its content at once, so that nobody reads half of it."""
        (self.folder / f"{name}.tmp").write_text(text)
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (self.folder / f"{name}.tmp").replace(self.folder / name)

    def script(self, *parts: list[list[object]]) -> None:
        """Say what each start of Snakemake does; the last part is for all later ones."""
        self.write("script", json.dumps(parts))

    def environment(self) -> dict[str, str]:
        """Return one in which nothing but the scripts is on PATH."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "REVEIL"))}
        return {**kept, "PATH": str(self.folder / "bin"), "PYTHONPATH": str(ROOT / "src")}

    def command(self, *words: str, **settings: float) -> list[str]:
        """Return the command line of a supervisor, up to ``--``."""
        chosen = {**QUICK, **{k.replace("_", "-"): v for k, v in settings.items()}}
        numbers = [f"--{key}={value}" for key, value in chosen.items()]
        engine = ["--snakemake", str(self.folder / "bin" / "snakemake")]
        return [sys.executable, "-m", "reveil.supervisor", *words, *engine, *numbers]

    def start(
        self, *words: str, arguments: tuple[str, ...] = ("all",), **settings: float
    ) -> subprocess.Popen:
        """Start a supervisor in the foreground, or as ``words`` say."""
        command = [*self.command(*(words or ("--foreground",)), **settings), "--", *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, **settings: float) -> tuple[int, str]:
        """Run a supervisor to its end; return its status and what it said."""
        process = self.start(*words, **settings)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def events(self, *kinds: str) -> list[str]:
        """Return what happened, or of that what begins with one of ``kinds``."""
        path = self.folder / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if not kinds or line.split()[0] in kinds]

    def kinds(self, *kinds: str) -> list[str]:
        """Return the kinds of events alone."""
        return [line.split()[0] for line in self.events(*kinds)]

    def log(self) -> str:
        """Return the supervisor's log."""
        path = self.folder / "logs" / "cluster" / "supervisor.log"
        return path.read_text() if path.exists() else ""

    def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait until ``condition()`` is true; fail after two minutes."""
        end = time.monotonic() + 120
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}\n{self.log()}{self.events()}")
            time.sleep(0.02)

    def until_answers(self, count: int) -> None:
        """Wait until squeue has been asked ``count`` times more."""
        known = len(self.events("squeue"))
        self.until("squeue", lambda: len(self.events("squeue")) >= known + count)

    def engine(self) -> psutil.Process:
        """Return the Snakemake that was started last."""
        return psutil.Process(int(self.events("start")[-1].split()[2]))

    def processes(self) -> list[psutil.Process]:
        """Return all that runs in the folder."""
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                here = Path(process.cwd()) == self.folder
                if here and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def clear(self) -> None:
        """SIGKILL all that runs in the folder, until nothing does."""
        while left := self.processes():
            for process in left:
                try:
                    process.send_signal(signal.SIGKILL)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.05)
        for process in self.started:
            process.wait()
            if process.stdout:
                process.stdout.close()
