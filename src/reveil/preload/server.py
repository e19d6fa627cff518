"""The process that jobs are forked from: it has loaded what scripts load, and nothing of reveil.

    python server.py ADDRESS

Started by its path, so that an edit of reveil between two jobs reaches the second one. It listens
at the Unix socket ADDRESS and ends with the process that started it; with it end the scripts that
it was asked for, and with a client the script of that one.
"""

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import traceback
import types
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# What scripts load most, and slowly. A library that is missing is one that no script can load.
LIBRARIES = (
    "numpy",
    "torch",
    "pandas",
    "scipy.special",
    "scipy.optimize",
    "scipy.stats",
    "scipy.ndimage",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "matplotlib.ticker",
    "PIL.Image",
    "PIL.PngImagePlugin",
    "safetensors.torch",
    "jsonschema",
    "yaml",
    "psutil",
    "snakemake.logging",
    "snakemake.iocontainers",
)
# Libraries look at these as they are loaded: a script with others than the server's has to load
# them itself.
LOOKED_AT = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "NUMEXPR_", "VECLIB_", "PYTHON")
LOOKED_AT += ("TORCH", "PYTORCH", "ATEN_", "DNNL_", "ONEDNN_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_")
LOOKED_AT += ("MPL", "LD_", "MALLOC_")
ACCEPTED, GO, STARTED = b"+", b"!", b"s"
LENGTH = struct.Struct("!I")
STATUS = struct.Struct("!i")
STREAMS = 3
# What the server acts upon itself.
HANDLED = (signal.SIGTERM, signal.SIGCHLD)
# reveil.preload.PRELOADED, which must not be loaded here.
PRELOADED = "REVEIL_PRELOADED"
SECONDS = 5.0
# What a request may have at most: an environment has 2 MiB on Linux.
MOST_BYTES = 2**24
_SET_DEATH_SIGNAL, _SET_NAME = 1, 15


@dataclass(frozen=True)
class Request:
    """A script to be run.

    Attributes:
        script: its path.
        folder: to run it in.
        environment: all of it.
        umask: of the files that it makes.
        streams: file descriptors of its input, output and error stream.
    """

    script: str
    folder: str
    environment: dict[str, str]
    umask: int
    streams: tuple[int, ...]


def looked_at(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that libraries look at as they are loaded."""
    return {name: value for name, value in environment.items() if name.startswith(LOOKED_AT)}


def read(connection: socket.socket) -> Request:
    """Return what a client asks for.

    Raises:
        OSError, ValueError, KeyError, TypeError: that is no request.
    """
    connection.settimeout(SECONDS)
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, STREAMS)
    try:
        while len(head) < LENGTH.size:
            head += _received(connection, LENGTH.size - len(head))
        (length,) = LENGTH.unpack(head)
        if length > MOST_BYTES or len(streams) != STREAMS:
            raise ValueError(f"a request of {length} bytes with {len(streams)} streams")
        body = b""
        while len(body) < length:
            body += _received(connection, length - len(body))
        return Request(**json.loads(body), streams=tuple(streams))
    except BaseException:
        close(streams)
        raise


def close(descriptors: "tuple[int, ...] | list[int]") -> None:
    """Close file descriptors, those that are closed already, too."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


class Server:
    """Forks itself for every request, until its parent is gone.

    Args:
        listening: the socket that clients connect to.
        parent: number of the process with which this one ends.
    """

    def __init__(self, listening: socket.socket, parent: int) -> None:
        self.listening, self.parent = listening, parent
        self.clients: dict[int, socket.socket] = {}
        self.ending = False
        self.selector = selectors.DefaultSelector()
        self.waking, self.woken = socket.socketpair()
        for end in (self.waking, self.woken):
            end.setblocking(False)

    def serve(self) -> Request | None:
        """Return the request in each fork, and None in the server when it is to end."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.set_wakeup_fd(self.woken.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.listening, selectors.EVENT_READ)
        self.selector.register(self.waking, selectors.EVENT_READ)
        while os.getppid() == self.parent and not self.ending:
            for key, _ in self.selector.select(1.0):
                if key.fileobj is self.waking:
                    with suppress(BlockingIOError):
                        self.waking.recv(4096)
                elif key.fileobj is self.listening:
                    if request := self._accept():
                        return request
                elif key.data in self.clients:
                    self._heard(key.data)
            self._reap()
        for pid in self.clients:
            os.kill(pid, signal.SIGKILL)
        return None

    def _end(self, number: int, frame: object) -> None:
        self.ending = True

    def _accept(self) -> Request | None:
        connection, _ = self.listening.accept()
        try:
            request = read(connection)
        except (OSError, ValueError, KeyError, TypeError):
            connection.close()
            return None
        pid = fork() if _agreed(request, connection) else None
        if pid == 0:
            connection.close()
            self._forget()
            return request
        close(request.streams)
        if pid is None:
            connection.close()
            return None
        self.clients[pid] = connection
        self.selector.register(connection, selectors.EVENT_READ, pid)
        with suppress(OSError):
            connection.sendall(STARTED)
        return None

    def _forget(self) -> None:
        """Give up, in a fork, all that is the server's."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for connection in (self.listening, self.waking, self.woken, *self.clients.values()):
            connection.close()

    def _heard(self, pid: int) -> None:
        """Pass a signal on to a script, or end it with its client."""
        try:
            said = self.clients[pid].recv(16)
        except OSError:
            said = b""
        if not said:
            self.selector.unregister(self.clients[pid])
        # It is not waited for yet, so that its number is still its own.
        for number in said or (signal.SIGKILL,):
            with suppress(OSError):
                os.kill(pid, number)

    def _reap(self) -> None:
        """Tell the clients of scripts that have ended how they did."""
        for pid in list(self.clients):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                connection = self.clients.pop(pid)
                with suppress(KeyError):
                    self.selector.unregister(connection)
                with suppress(OSError):
                    connection.sendall(STATUS.pack(status))
                connection.close()


def _agreed(request: Request, connection: socket.socket) -> bool:
    """Return whether this process can run the script, and its client still waits for that."""
    if looked_at(request.environment) != looked_at(dict(os.environ)):
        return False
    try:
        connection.sendall(ACCEPTED)
        return connection.recv(1) == GO
    except OSError:
        return False


def fork() -> int | None:
    """Return 0 in a fork, where ``run`` comes next, and its number here; None if there is none."""
    # Passed on before the script has its own handlers, a signal waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        pid = os.fork()
    # No memory or no more processes: the client starts the script itself, or fails to.
    except OSError:
        pid = None
    if pid != 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return pid


def run(request: Request, libc: ctypes.CDLL) -> None:
    """Run a script as the interpreter would, in this process, which was forked for it."""
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_SET_NAME, _title(request.script), 0, 0, 0)
    os.setpgid(0, 0)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, given in enumerate(request.streams):
        os.dup2(given, stream)
    close(request.streams)
    os.environ.clear()
    os.environ.update(request.environment, **{PRELOADED: "1"})
    os.chdir(request.folder)
    os.umask(request.umask)
    # Found anew with the environment's TMPDIR; and draws of its own where a script has no seed.
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.argv = [request.script]
    sys.path[0] = str(Path(request.script).parent)
    main = types.ModuleType("__main__")
    main.__file__ = request.script
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    try:
        code = compile(Path(request.script).read_bytes(), request.script, "exec")
        exec(code, main.__dict__)  # noqa: S102 - the script of a job of this run
    except SystemExit:
        raise
    except BaseException as error:
        # Of the traceback the script's own part, as without a server.
        sys.last_type, sys.last_value = type(error), error
        sys.last_traceback = error.__traceback__ and error.__traceback__.tb_next
        traceback.print_exception(type(error), error, sys.last_traceback)
        sys.exit(1)


def main() -> None:
    """Load, listen, and run in each fork what was asked for."""
    address, parent = sys.argv[1], os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)

    def end(number: int, frame: object) -> None:
        # No exception: what is being loaded could catch it, and the server would go on for ever.
        _clean_up(address)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    # What a terminal or `timeout` sends to all of a run is for the scripts, which then save.
    os.setpgid(0, 0)
    request = None
    try:
        load()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(address)
            listening.listen(64)
            request = Server(listening, parent).serve()
    finally:
        if request is None:
            _clean_up(address)
    if request is None:
        # Snakemake waits for it: taking down what was loaded takes longer than all before.
        os._exit(0)
    run(request, libc)


def load() -> None:
    """Load what scripts load.

    Raises:
        SystemExit: a library has started a thread. A fork would have one thread alone, and locks
            that another one held would stay held for ever.
    """
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    if (threads := len(list(Path("/proc/self/task").iterdir()))) > 1:
        sys.exit(
            f"compute.preload: a library has started threads here ({threads - 1}), so that no job "
            "can be forked; all load their own libraries"
        )
    gc.collect()
    gc.freeze()


def _clean_up(address: str) -> None:
    """Remove the socket, and the folder that was made for it: whoever made it may be gone."""
    with suppress(OSError):
        Path(address).unlink(missing_ok=True)
        Path(address).parent.rmdir()


def _received(connection: socket.socket, count: int) -> bytes:
    piece = connection.recv(count)
    if not piece:
        raise ValueError("a request that ends too early")
    return piece


def _title(script: str) -> bytes:
    """Return what lists of processes show: of ``tmp1a2b.attack_images.py`` the rule."""
    return Path(script).stem.rpartition(".")[2][:15].encode("utf-8", "replace")


if __name__ == "__main__":
    main()
