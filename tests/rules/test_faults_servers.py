"""Dataset servers that die, lie, send garbage or never end, seen from the rule that fetches."""

import csv
import hashlib
from contextlib import ExitStack
from pathlib import Path

import pytest

from reveil.datasets.registry import REGISTRY_COLUMNS
from tests.servers import Answer, serve
from tests.workflow import Clone

CONTENT = bytes(range(256)) * 2000
PAGE = b"<html>Please log in</html>"
# What is said of the server that fails; a mirror has the archive.
SERVERS = {
    "dies": ([Answer(stop_after=100_000), Answer(status=404)], "HTTP 404"),
    "lies": ([Answer(announced=7)], "offers 7 bytes instead of 512000"),
    "garbage": ([Answer(body=bytes(len(CONTENT)))], "has sha256 "),
    "endless": ([Answer(chunked=True, endless=True)], "sends more than the 512000 bytes expected"),
    "page": ([Answer(body=PAGE)], f"offers {len(PAGE)} bytes instead of 512000"),
    "page-chunked": (
        [Answer(body=PAGE.ljust(len(CONTENT)), chunked=True)],
        "has sha256 ",
    ),
}
FOLDER = "resources/downloads/fashion-mnist-demo"


def registry(path: Path, addresses: dict[str, list[str]]) -> None:
    """Write a registry with the addresses of some archives of a dataset."""
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(REGISTRY_COLUMNS)
        for name, urls in addresses.items():
            for role, url in zip(("primary", "mirror"), urls, strict=False):
                row = ["fashion-mnist-demo", "1", name, role, url, digest, len(CONTENT), "MIT"]
                writer.writerow(row)


@pytest.mark.parametrize("mirror", [True, False], ids=["with a mirror", "alone"])
def test_bad_servers_are_left_for_the_mirror_or_told(fresh: Clone, mirror: bool) -> None:
    files = {f"/{name}": CONTENT for name in SERVERS}
    servers = {name: serve(files, *script) for name, (script, _) in SERVERS.items()}
    with ExitStack() as stack:
        good = stack.enter_context(serve(files))
        bad = {name: stack.enter_context(server) for name, server in servers.items()}
        addresses = {
            name: [f"{bad[name].url}/{name}", *[f"{good.url}/{name}"] * mirror] for name in SERVERS
        }
        registry(fresh.path / "own.csv", addresses)
        clone = fresh.with_config("own", {"datasets": {"registry": "own.csv"}})
        wanted = [f"{FOLDER}/{name}" for name in SERVERS]
        done = clone.run(*wanted, "--keep-going", check=mirror)
    assert (done.returncode == 0) == mirror
    assert "Traceback" not in done.stderr
    for name, (_, problem) in SERVERS.items():
        log = (fresh.path / f"logs/fetch_dataset/fashion-mnist-demo/{name}.log").read_text()
        assert f"{bad[name].url}/{name}: " in log and problem in log, log
        archive = fresh.path / FOLDER / name
        if mirror:
            assert archive.read_bytes() == CONTENT
            assert f"{name} from {good.url}/{name}, verified" in log
        else:
            assert not archive.exists()
            assert f"error: {FOLDER}/{name}: none of 1 sources delivered it" in log
