"""Ends a cluster with its tests, however they end, and removes its folder.

Run as a process of its own that reads from a pipe: the pipe closes with the process of the tests,
also when that is killed.
"""

import shutil
import sys
import time
from pathlib import Path

import psutil

from tests.cluster.daemons import members


def sweep(folder: Path) -> None:
    """SIGKILL every process of the cluster, those that they start meanwhile too."""
    while processes := members(folder):
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
