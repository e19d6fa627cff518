"""The run that the tests of faults disturb copies of."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small import CONFIG, TARGETS
from tests.workflow import Clone, clone_repository, locked


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which one training and one attack ran, undisturbed; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small"
    with locked(shared.with_suffix(".lock")):
        if not (shared / "done").exists():
            clone_repository(shared).with_config("small", CONFIG).run(*TARGETS)
            (shared / "done").touch()
    return Clone(shared, (*Clone.config, "small.yaml"))


@pytest.fixture
def disturbed(small: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A copy of it that a test may disturb."""
    with small.copy(tmp_path) as clone:
        yield clone
