"""A real SLURM for the tests of this folder."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.daemons import Daemons, missing
from tests.cluster.slurm import Slurm
from tests.workflow import ROOT

HERE = Path(__file__).resolve().parent
REQUIRED = "REVEIL_REQUIRE_SLURM"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this folder where there is no SLURM, with one line a file."""
    absent = missing()
    if absent and os.environ.get(REQUIRED) != "1":
        reason = f"SLURM is not installed; missing packages: {', '.join(absent)}"
        for item in items:
            if item.path.parent == HERE:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A SLURM of two nodes, each with a GPU that is none, which ends with the tests."""
    if absent := missing():
        pytest.fail(f"{REQUIRED}=1, and SLURM is not installed; missing: {', '.join(absent)}")
    folder = Path(tempfile.mkdtemp(prefix="reveil-slurm-"))
    # Others may reach the sockets in it, or munge refuses to serve.
    folder.chmod(0o755)
    words = [sys.executable, "-m", "tests.cluster.keeper", str(folder)]
    keeper = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
    try:
        daemons = Daemons(folder)
        daemons.start()
        yield Slurm(daemons)
    finally:
        keeper.stdin.close()
        keeper.wait(timeout=60)
