"""One job: its log, device, threads, resumable state and provenance."""

import atexit
import hashlib
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from reveil import cards
from reveil.console import Console
from reveil.digest import data_digest
from reveil.disk import explain
from reveil.ending import Stopping, end_with_snakemake, leave
from reveil.errors import ReveilError
from reveil.files import atomic, write_json
from reveil.plugins import calling
from reveil.preload import PRELOADED
from reveil.provenance import records, source

# Drawing jobs use this module too, and must not pay for importing PyTorch.
if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")
NO_SMALLER = (
    "in pieces as small as they can be; what was saved stays. The batch of a training is never "
    "split, as batch norm would see other statistics: take a GPU with more memory, or a recipe "
    "with a smaller batch_size, which is another experiment"
)
RECORDED = ("torch", "torchvision", "numpy", "pandas", "scipy", "pillow", "snakemake")


def choose_device(name: str = "auto") -> "torch.device":
    """Return the device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    ``auto`` is the CPU where there is no GPU, but not in a job of Slurm: there a GPU was asked for,
    waited for and granted, and days on a CPU in its place would come as a surprise.

    Raises:
        ReveilError: a GPU was asked for and none is visible, or the name is unknown.
    """
    import torch

    if name.split(":")[0] not in DEVICES:
        raise ReveilError(f"device: {name!r} is not allowed; allowed: auto, cpu, cuda, cuda:N")
    available = torch.cuda.is_available()
    if name.startswith("cuda") and not available:
        raise ReveilError(
            f"device: {name!r} was asked for, but PyTorch {torch.__version__} sees no GPU here "
            f"(CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}); "
            "allowed here: auto, cpu"
        )
    if name == "auto" and not available and "SLURM_JOB_ID" in os.environ:
        raise ReveilError(
            f"device: 'auto': PyTorch {torch.__version__} sees no GPU in Slurm's job "
            f"{os.environ['SLURM_JOB_ID']} on {platform.node()} (CUDA_VISIBLE_DEVICES="
            f"{os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}); to compute without one set "
            "compute.device: cpu"
        )
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    index = name.partition(":")[2]
    if index and (not index.isdigit() or int(index) >= torch.cuda.device_count()):
        raise ReveilError(f"device: {name!r}: this machine has {torch.cuda.device_count()} GPU(s)")
    return torch.device(name)


class Job:
    """The surroundings of one script, used as a context manager.

    Log records go to ``log_file`` and to the error stream; a ``ReveilError`` ends the process
    with one line and status 1 instead of a traceback, and so does an error that began in a
    plug-in's code. Where the machine has GPUs the job waits for one that no other job holds, and
    sees no other; one that is named (``cuda:1``) is not waited for, and in a job of Slurm it is
    Slurm who hands them out.

    Args:
        name: what the job is called in its log and provenance.
        log_file: path of the job's log.
        device: see :func:`choose_device`; None for a job that computes nothing on a device.
        threads: CPU threads for PyTorch.
    """

    def __init__(
        self, name: str, log_file: str, *, device: str | None = None, threads: int = 1
    ) -> None:
        self.name, self.log_file, self._device, self.threads = name, log_file, device, threads
        self.device: torch.device | None = None
        self.started = time.time()
        self.stopping = Stopping()
        self._card: cards.Card | None = None

    def __enter__(self) -> Self:
        start_logging(self.log_file)
        end_with_snakemake()
        if self._device is not None:
            try:
                self._take_card()
                self.device = choose_device(self._device)
            except ReveilError as error:
                fail(error)
            import torch

            torch.set_num_threads(max(1, self.threads))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.ignore()
        if self._card is not None:
            self._card.release()
        if error is not None and (theirs := calling.blamed(error)):
            fail(theirs)
        if isinstance(error, ReveilError):
            fail(error)
        if isinstance(error, SystemExit):
            return
        # Its class is PyTorch's, which light jobs do not load.
        if type(error).__name__ == "OutOfMemoryError":
            fail(ReveilError(f"{self.name}: out of GPU memory on {self.device}, {NO_SMALLER}"))
        if error is not None:
            log.error("%s failed", self.name, exc_info=error)
        elif hasattr(sys.modules["__main__"], "snakemake"):
            self._note()
            atexit.register(leave)

    def _note(self) -> None:
        """Note what made the outputs of this job, beside its log."""
        try:
            if facts := records.rule_facts():
                write_json(records.record_path(self.log_file), self.provenance(**facts))
        except ReveilError as error:
            fail(error)

    def state(self, output: str, identity: Mapping[str, Any], *, interval: float = 60.0) -> "State":
        """Return the resumable state of the job that writes ``output``, under ``scratch/``."""
        folder = Path("scratch") / self.name / Path(output).with_suffix("")
        self.stopping.listen()
        return State(folder, identity, interval=interval, stopping=self.stopping)

    def _take_card(self) -> None:
        """Hold one GPU and hide the others, before PyTorch looks at any."""
        import torch

        if self._device not in ("auto", "cuda") or "SLURM_JOB_ID" in os.environ:
            return
        if torch.version.cuda is None and torch.version.hip is None:
            return
        if found := cards.visible():
            self._card = cards.take(found, cards.lock_folder())
            os.environ["CUDA_VISIBLE_DEVICES"] = self._card.name

    def provenance(self, **facts: Any) -> dict[str, Any]:
        """Return what made a result: versions, hardware, times and the given facts."""
        return {
            "job": self.name,
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "wall_seconds": round(time.time() - self.started, 3),
            "cpu_seconds": round(time.process_time(), 3),
            "peak_mb": records.peak_mb(),
            "preloaded": PRELOADED in os.environ,
            "peak_gpu_mb": _gpu_peak_mb(self.device),
            **source.known_commit()._asdict(),
            "device": None if self.device is None else str(self.device),
            "gpu": _gpu_name(self.device),
            "machine": platform.machine(),
            "cpu": _cpu_name(),
            "cores": _cores(),
            "memory_gib": _memory_gib(),
            "threads": self.threads,
            "python": platform.python_version(),
            "versions": {name: _version(name) for name in RECORDED},
            **({"plugins": found} if (found := calling.loaded()) else {}),
            **facts,
        }


def start_logging(log_file: str) -> None:
    """Send log records of level INFO and above to ``log_file`` and to the error stream.

    How far a long job is goes to the file, and to the stream where that is a terminal.
    """
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(log_file, mode="w")
    except OSError as error:
        fail(explain(log_file, error))
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[file, Console(sys.stderr)],
        force=True,
    )


def fail(error: ReveilError) -> NoReturn:
    """Log the message and end the process with status 1, without a traceback."""
    log.error("error: %s", error)
    logging.shutdown()
    sys.exit(1)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpu_name(device: "torch.device | None") -> str | None:
    if device is None or device.type != "cuda":
        return None
    import torch

    return torch.cuda.get_device_name(device)


def _gpu_peak_mb(device: "torch.device | None") -> float | None:
    if device is None or device.type != "cuda":
        return None
    import torch

    return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _cores() -> int | None:
    # A container or a batch system may grant fewer cores than there are.
    granted = getattr(os, "sched_getaffinity", None)
    return len(granted(0)) if granted else os.cpu_count()


def _memory_gib() -> int | None:
    """Return the memory of the machine, in GiB; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, OSError, ValueError):
        return None


class State:
    """The resumable state of one long job, kept outside its declared outputs.

    Snakemake deletes the declared outputs of a failed job, so the state lives under ``scratch/``.
    It carries a fingerprint of what it is a state of (recipe, policy, code), and is refused with
    a word, and set aside, if that differs.

    Args:
        folder: directory for the state's files.
        identity: JSON-like facts that must be equal for the state to be used again.
        interval: seconds between two saves that :meth:`due` asks for.
        stopping: whether the process was asked to end; then :meth:`due` asks at once, and
            :meth:`save` ends it.
    """

    def __init__(
        self,
        folder: str | Path,
        identity: Mapping[str, Any],
        *,
        interval: float = 60.0,
        stopping: Stopping | None = None,
    ) -> None:
        self.path = Path(folder) / "state.safetensors"
        self.identity = json.loads(json.dumps(dict(identity), default=str))
        self.interval = interval
        self.stopping = stopping or Stopping()
        self._saved = time.monotonic()

    def due(self) -> bool:
        """Return whether the interval since the last save has passed, or the end was asked for."""
        return self.stopping.asked or time.monotonic() - self._saved >= self.interval

    def save(self, tensors: "Mapping[str, torch.Tensor]", facts: Mapping[str, Any]) -> None:
        """Write tensors and JSON-like facts atomically, in place of the earlier state.

        Raises:
            SystemExit: the process was asked to end; with status 143.
        """
        from safetensors.torch import save_file

        plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        metadata = {
            "identity": json.dumps(self.identity, sort_keys=True),
            "facts": json.dumps(dict(facts)),
        }
        metadata["digest"] = _state_digest(plain, metadata["facts"])
        with atomic(self.path) as temporary:
            save_file(plain, temporary, metadata=metadata)
        self._saved = time.monotonic()
        self.stopping.end(self.path)

    def load(self) -> "tuple[dict[str, torch.Tensor], dict[str, Any]] | None":
        """Return (tensors on the CPU, facts) of an earlier run, or None to start afresh."""
        if not self.path.exists():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as stored:
                metadata = stored.metadata() or {}
                identity = json.loads(metadata["identity"])
                facts = json.loads(metadata["facts"])
                # Copied: the tensors are views of a mapped file, which may be replaced on disk.
                tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118
                if metadata["digest"] != _state_digest(tensors, metadata["facts"]):
                    raise ValueError("its content is not what was saved")
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            self._refuse(f"it is damaged ({error})")
            return None
        if identity != self.identity:
            self._refuse(f"it belongs to another job: {_difference(identity, self.identity)}")
            return None
        log.info("resuming from %s", self.path)
        return tensors, facts

    def clear(self) -> None:
        """Remove the state once the job's outputs are written."""
        self.path.unlink(missing_ok=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()

    def _refuse(self, reason: str) -> None:
        aside = self.path.with_name(f"refused-{data_digest(time.time_ns())}.safetensors")
        self.path.replace(aside)
        log.warning(
            "resume state %s refused: %s; kept as %s, starting afresh", self.path, reason, aside
        )


def _state_digest(tensors: "Mapping[str, torch.Tensor]", facts: str) -> str:
    """Return the SHA-256 over tensors and facts: the format itself has no check of its content."""
    from reveil.models.weights import tensors_digest

    return hashlib.sha256(f"{tensors_digest(tensors)} {facts}".encode()).hexdigest()


def _difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    parts = [
        f"{key} is {theirs.get(key)!r} there, {ours.get(key)!r} here"
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key)
    ]
    return "; ".join(parts)


def write_provenance(path: str, job: Job, **facts: Any) -> None:
    """Write :meth:`Job.provenance` with the given facts as JSON."""
    write_json(path, job.provenance(**facts))


def hardware(paths: Iterable[str]) -> str:
    """Return what the jobs of some provenance files computed on, each device once.

    Raises:
        ReveilError: a file cannot be read.
    """
    names = []
    for path in paths:
        try:
            facts = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReveilError(f"provenance {path}: cannot be read: {error}") from None
        threads = facts["threads"]
        names.append(facts["gpu"] or f"{facts['cpu']}, {threads} thread{'s' * (threads != 1)}")
    return "; ".join(dict.fromkeys(names))
