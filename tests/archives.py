"""The synthetic archives on 127.0.0.1, and a registry that names no other place on the network."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reveil.synthetic import PORT, archives
from tests.servers import Server, serve
from tests.workflow import ROOT, Clone

REGISTRY = "served.csv"
CONFIG = "served"
HERE = f"http://127.0.0.1:{PORT}/"


def local_registry(path: Path, url: str) -> Path:
    """Write ``config/datasets.csv`` with ``url`` in place of the address of our own server.

    Sources elsewhere on the network are left out, so that no test can reach them even by mistake.
    """
    with (ROOT / "config/datasets.csv").open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream)
        rows = [row | {"url": row["url"].replace(HERE, f"{url}/")} for row in table]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, table.fieldnames, lineterminator="\n")
        writer.writeheader()
        writer.writerows(r for r in rows if "://" not in r["url"] or r["url"].startswith(f"{url}/"))
    return path


@contextmanager
def served(clone: Clone) -> Iterator[tuple[Clone, Server]]:
    """Yield the clone, its config saying where the synthetic archives are served, and the server.

    The server takes a free port and ends with the block.
    """
    files = {f"/{name}": content for name, content in archives().items()}
    with serve(files) as server:
        local_registry(clone.path / REGISTRY, server.url)
        yield clone.with_config(CONFIG, {"datasets": {"registry": REGISTRY}}), server
