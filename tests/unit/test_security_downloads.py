"""Downloads: over https or with a checksum that nobody forges, and from nowhere else."""

import csv
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from reveil.datasets import Source, read_registry
from reveil.datasets.registry import REGISTRY_COLUMNS
from reveil.download import fetch
from reveil.errors import ReveilError
from reveil.transfer import Patience
from tests.servers import Answer, serve

ROOT = Path(__file__).parents[2]
CONTENT = b"images" * 1000
QUICK = Patience(attempts=2, delay=0.001, longest=0.002, timeout=(2.0, 2.0))
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


def source(url: str, algorithm: str = "sha256") -> Source:
    digests = {algorithm: hashlib.new(algorithm, CONTENT).hexdigest()}
    return Source("data", "1", "a.gz", "primary", url, digests, len(CONTENT), "MIT")


def get(folder: Path, *sources: Source) -> bytes:
    target = folder / "store" / "a.gz"
    fetch("data", "a.gz", target, sources, patience=QUICK)
    return target.read_bytes()


# --- the registry ---------------------------------------------------------------------------------


def test_every_row_is_over_https_or_has_a_sha256() -> None:
    rows = read_registry(ROOT / "config/datasets.csv")
    assert len(rows) > 40
    for row in rows:
        assert row.digests, row
        assert row.url.startswith("https://") or "sha256" in row.digests or row.role == "local", row


def test_what_is_on_the_network_with_md5_alone_is_over_https() -> None:
    """MD5 tells a damaged file, and not one that somebody made to have it."""
    rows = [r for r in read_registry(ROOT / "config/datasets.csv") if "sha256" not in r.digests]
    assert {r.name for r in rows} == {"cub-200", "celeba"}
    assert all(r.role == "local" or r.url.startswith("https://") for r in rows)


def registry(folder: Path, **changes: str) -> Path:
    """Write a registry of a user's own, with one row."""
    row = dict.fromkeys(REGISTRY_COLUMNS, "x") | {
        "role": "primary",
        "archive": "a.gz",
        "url": "https://example.org/a.gz",
        "digest": SHA256,
        "bytes": "6000",
    }
    path = folder / "own.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, REGISTRY_COLUMNS)
        writer.writeheader()
        writer.writerow(row | changes)
    return path


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"digest": ""}, "digest is empty"),
        ({"url": "http://example.org/a", "digest": ""}, "digest is empty"),
        (
            {"url": "http://example.org/a", "digest": MD5},
            "the digest has no sha256; allowed: https",
        ),
        ({"url": "HTTP://example.org/a", "digest": MD5}, "the digest has no sha256"),
        ({"digest": "sha256:"}, "is neither md5"),
        ({"digest": "crc32:00000000"}, "is neither md5"),
        ({"url": "file:///etc/passwd"}, "is neither http nor https"),
        ({"url": "ftp://example.org/a"}, "is neither http nor https"),
        ({"url": "data:text/plain,x"}, "is neither http nor https"),
        ({"url": "gopher://example.org/"}, "is neither http nor https"),
        ({"url": "https:///a"}, "is neither http nor https"),
        ({"url": "https://[bad/a"}, "is no address"),
        ({"url": "/etc/passwd"}, "is not a path below the root"),
        ({"url": "resources/../../x"}, "is not a path below the root"),
        ({"archive": "../a.gz"}, "is not a file name"),
        ({"archive": "/tmp/a.gz"}, "is not a file name"),
        ({"role": "local", "url": "../../etc/passwd"}, "is not a file name"),
    ],
)
def test_a_row_of_a_users_own_must_be_safe(changes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ReveilError, match=rf"own\.csv: line 2: .*{problem}"):
        read_registry(registry(tmp_path, **changes))


@pytest.mark.parametrize(
    "changes", [{"digest": MD5}, {"url": "http://example.org/a"}, {"digest": f"{MD5} {SHA256}"}]
)
def test_https_or_a_sha256_is_enough(changes, tmp_path: Path) -> None:
    assert len(read_registry(registry(tmp_path, **changes))) == 1


# --- redirects ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    made = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(folder / "key"), "-out", str(folder / "crt")),
    ]
    subprocess.run(made, check=True, capture_output=True)
    both = folder / "both"
    both.write_bytes((folder / "crt").read_bytes() + (folder / "key").read_bytes())
    return both


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate, trusted by this process."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    return certificate


def test_a_server_that_is_not_who_it_says_is_refused(certificate: Path, tmp_path: Path) -> None:
    with serve({"/a.gz": CONTENT}, certificate=certificate) as server:
        with pytest.raises(ReveilError, match="(?i)certificate verify failed"):
            get(tmp_path, source(server.url + "/a.gz"))
        assert server.requests == []


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_redirect_from_https_to_http_is_refused(algorithm, trusted: Path, tmp_path: Path) -> None:
    with serve({"/a.gz": CONTENT}) as plain:
        away = Answer(location=plain.url + "/a.gz")
        with (
            serve({}, away, away, certificate=trusted) as server,
            pytest.raises(ReveilError, match="leads from https to http, to http://127"),
        ):
            get(tmp_path, source(server.url + "/a.gz", algorithm))
    assert not list((tmp_path / "store").iterdir())


def test_a_detour_over_http_back_to_https_is_refused(trusted: Path, tmp_path: Path) -> None:
    """Who sits on the way decides where it goes on."""
    with (
        serve({"/a.gz": CONTENT}, certificate=trusted) as last,
        serve({}, Answer(location=last.url + "/a.gz")) as plain,
        serve({}, Answer(location=plain.url + "/a.gz"), certificate=trusted) as server,
        pytest.raises(ReveilError, match="leads from https to http"),
    ):
        get(tmp_path, source(server.url + "/a.gz", "md5"))


def test_redirects_within_https_and_within_http_are_followed(trusted: Path, tmp_path: Path) -> None:
    for name, how in (("https", {"certificate": trusted}), ("http", {})):
        with serve({"/b.gz": CONTENT}, Answer(location="/b.gz"), **how) as server:
            assert get(tmp_path / name, source(server.url + "/a.gz")) == CONTENT
            assert [path for path, _ in server.requests] == ["/a.gz", "/b.gz"]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x", "//"])
def test_a_redirect_to_another_scheme_is_refused(place: str, tmp_path: Path) -> None:
    away = Answer(location=place)
    with (
        serve({}, away, away) as server,
        pytest.raises(ReveilError, match="a.gz: none of 1 source"),
    ):
        get(tmp_path, source(server.url + "/a.gz"))
    assert not (tmp_path / "store" / "a.gz").exists()


def test_redirects_in_a_ring_end(tmp_path: Path) -> None:
    ring = [Answer(location="/a.gz")] * 100
    with serve({}, *ring) as server, pytest.raises(ReveilError, match="redirects"):
        get(tmp_path, source(server.url + "/a.gz"))
    assert len(server.requests) < 60


def test_another_file_of_the_right_length_behind_a_redirect_is_refused(tmp_path: Path) -> None:
    other = bytes(len(CONTENT))
    with (
        serve({"/other": other}, Answer(location="/other")) as server,
        pytest.raises(ReveilError, match="has sha256 .* instead of"),
    ):
        get(tmp_path, source(server.url + "/a.gz"))
    assert not (tmp_path / "store" / "a.gz").exists()
