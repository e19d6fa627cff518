"""Start the process that the jobs of this run are forked from, and end it with the run."""

import atexit
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SERVER = HERE / "server.py"
# Elsewhere a process cannot be told to end with its parent, and forks of loaded libraries may hang.
SYSTEM = "linux"
# The server needs at most the time of one library's load to hear that it is to end.
SECONDS = 20.0
# What Snakemake sets for a job of one thread.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "GOTO_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


def start() -> str:
    """Start the server; return what is to stand before the command of every job.

    The server ends with this process, which must be the one that starts the jobs. Jobs that come
    before it has loaded everything start as ever, and so do those of several threads. On systems
    other than Linux nothing is started, and the command is left as it is.
    """
    # Snakemake's own, which a prefix replaces.
    strict = "set -euo pipefail; "
    if sys.platform != SYSTEM:
        return strict
    folder = tempfile.mkdtemp(prefix="reveil-")
    address = str(Path(folder, "jobs"))
    server = subprocess.Popen(
        [sys.executable, str(SERVER), address],
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.DEVNULL,
    )
    atexit.register(_end, server, folder, os.getpid())
    words = [sys.executable, "-IS", str(HERE / "client.py"), address]
    return strict + shlex.join(words).replace("{", "{{").replace("}", "}}")


def _end(server: subprocess.Popen[bytes], folder: str, owner: int) -> None:
    if os.getpid() != owner:
        return
    # With it end scripts that are left: Snakemake waits for its jobs before it comes here.
    server.terminate()
    try:
        server.wait(SECONDS)
    # No run waits for ever for what only made it faster.
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)
