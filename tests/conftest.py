"""Fixtures that every kind of test shares."""

import os
from pathlib import Path

import pytest

from tests.archives import CONFIG, served
from tests.workflow import LONGEST_OF_TINY, ROOT, Clone, clone_repository, locked

# A file of CLUSTER waits more than it computes: one before each of the others, which compute.
CLUSTER, COMPUTING = "cluster", ("rules", "graph", "browser", "unit")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in the order in which test processes that take one at a time end soonest."""
    waiting = sorted({item.path for item in items if item.path.parent.name == CLUSTER})

    def place(item: pytest.Item) -> tuple[int, int]:
        if item.path in waiting:
            return min(waiting.index(item.path), len(COMPUTING) - 1), 0
        folder = item.path.parent.name
        return (COMPUTING.index(folder) if folder in COMPUTING else len(COMPUTING)), 1

    items.sort(key=place)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which ``config/tiny.yaml`` ran to its end; tests must not change it.

    The test processes share one: the first to come runs it, the others wait. What it downloads
    comes from 127.0.0.1, and its registry names no other place.
    """
    base = tmp_path_factory.getbasetemp()
    # A worker of pytest-xdist has a folder of its own below that of the session.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny"
    with locked(shared.with_suffix(".lock")):
        if not (shared / "done").exists():
            with served(clone_repository(shared)) as (clone, _):
                clone.run(seconds=LONGEST_OF_TINY)
            (shared / "done").touch()
    return Clone(shared, (*Clone.config, f"{CONFIG}.yaml"))


@pytest.fixture
def changed(tiny: Clone, tmp_path: Path):
    """A copy of the finished ``tiny`` clone that a test may change."""
    with tiny.copy(tmp_path) as clone:
        yield clone


@pytest.fixture
def fresh(tmp_path: Path) -> Clone:
    """A clone in which nothing has run."""
    return clone_repository(tmp_path / "clone")
