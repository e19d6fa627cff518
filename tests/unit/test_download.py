import hashlib
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest

from reveil import transfer
from reveil.datasets import Source, read_registry
from reveil.download import fetch
from reveil.errors import ReveilError
from reveil.transfer import Patience
from tests.servers import Answer, nobody, serve

ROOT = Path(__file__).parents[2]
CONTENT = np.random.default_rng(0).bytes(300_000)
QUICK = Patience(attempts=3, delay=0.001, longest=0.002, timeout=(2.0, 2.0))
ARCHIVE = "a.gz"


def source(url, *, role="primary", content=CONTENT, algorithm="sha256", name="data"):
    digests = {algorithm: hashlib.new(algorithm, content).hexdigest()}
    return Source(name, "1", ARCHIVE, role, url, digests, len(content), "MIT")


def get(tmp_path, *sources, **options):
    target = tmp_path / "store" / ARCHIVE
    fetch("data", ARCHIVE, target, sources, patience=options.pop("patience", QUICK), **options)
    return target


def leftovers(tmp_path):
    return sorted(p.name for p in (tmp_path / "store").iterdir() if p.name != ARCHIVE)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_whole_file_is_verified_and_leaves_nothing_beside_it(tmp_path, algorithm):
    with serve({"/a.gz": CONTENT}) as server:
        target = get(tmp_path, source(server.url + "/a.gz", algorithm=algorithm))
    assert target.read_bytes() == CONTENT
    assert leftovers(tmp_path) == []
    assert server.requests == [("/a.gz", None)]


def test_transfer_that_stops_half_way_is_resumed(tmp_path):
    with serve({"/a.gz": CONTENT}, Answer(stop_after=100_000), Answer(stop_after=50_000)) as server:
        target = get(tmp_path, source(server.url + "/a.gz"))
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_next_run_resumes_where_the_last_one_gave_up(tmp_path):
    once = Patience(attempts=1, timeout=(2.0, 2.0))
    with serve({"/a.gz": CONTENT}, Answer(stop_after=100_000)) as server:
        with pytest.raises(ReveilError, match="bytes"):
            get(tmp_path, source(server.url + "/a.gz"), patience=once)
        assert not (tmp_path / "store" / ARCHIVE).exists()
        assert (tmp_path / "store" / "a.gz.part").read_bytes() == CONTENT[:100_000]
        target = get(tmp_path, source(server.url + "/a.gz"), patience=once)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1] == ("/a.gz", "bytes=100000-")


def test_whole_part_of_a_killed_run_is_only_verified(tmp_path):
    with serve({"/a.gz": CONTENT}) as server:
        wanted = source(server.url + "/a.gz")
        plant_part(tmp_path, wanted, CONTENT, '"1"')
        assert get(tmp_path, wanted).read_bytes() == CONTENT
    assert server.requests == []


def plant_part(tmp_path, of, content, validator):
    store = tmp_path / "store"
    store.mkdir()
    (store / "a.gz.part").write_bytes(content)
    record = {"url": of.url, "digests": dict(of.digests), "validator": validator}
    (store / "a.gz.part.json").write_text(json.dumps(record))


def test_part_of_another_address_is_not_continued(tmp_path):
    with serve({"/a.gz": CONTENT}) as server:
        plant_part(tmp_path, source(server.url + "/b.gz"), b"x" * 1000, '"1"')
        assert get(tmp_path, source(server.url + "/a.gz")).read_bytes() == CONTENT
    assert server.requests == [("/a.gz", None)]


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"url": 1}'])
def test_part_with_a_damaged_record_is_not_continued(tmp_path, record):
    with serve({"/a.gz": CONTENT}) as server:
        plant_part(tmp_path, source(server.url + "/a.gz"), b"x" * 1000, '"1"')
        (tmp_path / "store" / "a.gz.part.json").write_text(record)
        assert get(tmp_path, source(server.url + "/a.gz")).read_bytes() == CONTENT
    assert server.requests == [("/a.gz", None)]


def test_part_of_an_older_version_is_replaced(tmp_path):
    with serve({"/a.gz": CONTENT}) as server:
        wanted = source(server.url + "/a.gz")
        plant_part(tmp_path, wanted, b"x" * 1000, '"0"')
        assert get(tmp_path, wanted).read_bytes() == CONTENT
    assert server.requests == [("/a.gz", "bytes=1000-")]


def test_damaged_part_is_dropped_after_the_checksum_and_fetched_afresh(tmp_path):
    with serve({"/a.gz": CONTENT}) as server:
        wanted = source(server.url + "/a.gz")
        plant_part(tmp_path, wanted, b"x" * 1000, '"1"')
        assert get(tmp_path, wanted).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["bytes=1000-", None]


@pytest.mark.parametrize("second", [Answer(ranges=False), Answer(shift=7), Answer(status=416)])
def test_server_that_does_not_continue_as_asked_is_started_afresh(tmp_path, second):
    with serve({"/a.gz": CONTENT}, Answer(stop_after=100_000), second) as server:
        target = get(tmp_path, source(server.url + "/a.gz"))
    assert target.read_bytes() == CONTENT
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_busy_server_is_tried_again(tmp_path, status):
    with serve({"/a.gz": CONTENT}, Answer(status=status), Answer(status=status)) as server:
        assert get(tmp_path, source(server.url + "/a.gz")).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_pauses_between_attempts_grow_up_to_the_limit(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    patience = Patience(attempts=5, delay=1.0, longest=3.0, timeout=(2.0, 2.0))
    with serve({}, *[Answer(status=503)] * 5) as server, pytest.raises(ReveilError, match="503"):
        get(tmp_path, source(server.url + "/a.gz"), patience=patience)
    assert pauses == [1.0, 2.0, 3.0, 3.0]


def test_worthwhile_progress_renews_the_patience(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "WORTHWHILE", 50_000)
    with serve({"/a.gz": CONTENT}, *[Answer(stop_after=50_000)] * 5) as server:
        assert get(tmp_path, source(server.url + "/a.gz")).read_bytes() == CONTENT
    assert len(server.requests) == 6


BAD = {
    "garbage of the right length": (Answer(body=bytes(len(CONTENT))), "sha256 .* instead of", 1),
    "garbage of another length": (Answer(body=b"<html>"), "offers 6 bytes instead of 300000", 1),
    "announces too much": (Answer(announced=400_000), "offers 400000 bytes", 1),
    "announces too little": (Answer(announced=1000), "offers 1000 bytes", 1),
    "too long, unannounced": (Answer(body=CONTENT + b"x", chunked=True), "more than the 300000", 1),
    "too short, unannounced": (Answer(body=CONTENT[:9], chunked=True), "stopped after 9 of", 3),
    "sends for ever": (Answer(chunked=True, endless=True), "more than the 300000", 1),
    "a page, and calls it good": (
        Answer(body=b"<html>".ljust(len(CONTENT)), chunked=True),
        "sha256 .* instead of",
        1,
    ),
    "not found": (Answer(status=404), "HTTP 404", 1),
    "forbidden": (Answer(status=403), "HTTP 403", 1),
    "always busy": (Answer(status=503), "HTTP 503 .*attempt 3", 3),
    "sends nothing": (Answer(stop_after=0), "(IncompleteRead|stopped after 0)", 3),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_server_is_left_for_the_mirror(tmp_path, caplog, case):
    answer, reason, attempts = BAD[case]
    with (
        serve({"/a.gz": CONTENT}, *[answer] * attempts) as bad,
        serve({"/a.gz": CONTENT}) as good,
        caplog.at_level(logging.WARNING),
    ):
        sources = source(bad.url + "/a.gz"), source(good.url + "/a.gz", role="mirror")
        assert get(tmp_path, *sources).read_bytes() == CONTENT
    assert len(bad.requests) == attempts
    assert leftovers(tmp_path) == []
    assert re.search(f"{re.escape(bad.url)}/a.gz: .*{reason}", caplog.records[-1].getMessage())


@pytest.mark.parametrize("case", BAD)
def test_bad_server_alone_is_one_error_and_no_file(tmp_path, case):
    answer, reason, attempts = BAD[case]
    with (
        serve({"/a.gz": CONTENT}, *[answer] * attempts) as bad,
        pytest.raises(ReveilError, match=reason),
    ):
        get(tmp_path, source(bad.url + "/a.gz"))
    assert not (tmp_path / "store" / ARCHIVE).exists()
    part = tmp_path / "store" / "a.gz.part"
    # What is kept can be continued.
    assert not part.exists() or CONTENT.startswith(part.read_bytes())


def test_silent_server_times_out(tmp_path):
    patience = Patience(attempts=1, timeout=(0.2, 0.2))
    with serve({}, Answer(stall=True)) as server, pytest.raises(ReveilError, match="timed out"):
        get(tmp_path, source(server.url + "/a.gz"), patience=patience)


def test_no_server_at_all_names_every_source_and_what_to_do(tmp_path):
    first, second = nobody(), nobody()
    sources = (
        source(ARCHIVE, role="local"),
        source(first + "/a.gz"),
        source(second + "/a.gz", role="mirror"),
    )
    with pytest.raises(ReveilError) as caught:
        get(tmp_path, *sources, local_folders=[tmp_path / "mine"])
    message = str(caught.value)
    assert f"{tmp_path / 'mine' / ARCHIVE}: no such file" in message
    assert first in message and second in message and message.count("Connection refused") == 2
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert f"put the file a.gz (300000 bytes, sha256:{digest}) into" in message
    assert message.endswith(str(tmp_path / "mine"))


def test_data_that_a_person_must_fetch_names_every_file_its_page_and_its_place(tmp_path):
    registry = read_registry(ROOT / "config" / "datasets.csv")
    mine = tmp_path / "mine"
    with pytest.raises(ReveilError) as caught:
        fetch(
            "celeba",
            "list_eval_partition.txt",
            tmp_path / "store" / "list_eval_partition.txt",
            registry,
            local_folders=[mine],
        )
    message = str(caught.value)
    assert f"{mine / 'list_eval_partition.txt'}: no such file" in message
    assert "CelebA must be downloaded by hand" in message
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in message
    assert f"put these 4 files, as they are, into one of: {mine / 'celeba'}" in message
    for row in registry:
        if row.name == "celeba":
            assert f"{row.archive} ({row.bytes} bytes, md5:{row.digests['md5']})" in message


def test_local_copy_ends_an_unfinished_transfer(tmp_path, caplog):
    plant_part(tmp_path, source(nobody() + "/a.gz"), CONTENT[:1000], '"1"')
    (tmp_path / ARCHIVE).write_bytes(CONTENT)
    folders = [tmp_path / "none", tmp_path]
    get(tmp_path, source(ARCHIVE, role="local"), local_folders=folders)
    assert leftovers(tmp_path) == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("inside", ["", "data"])
def test_local_copy_comes_before_the_network(tmp_path, inside):
    folder = tmp_path / "mine" / inside
    folder.mkdir(parents=True)
    (folder / ARCHIVE).write_bytes(CONTENT)
    with serve({"/a.gz": CONTENT}) as server:
        sources = source(server.url + "/a.gz"), source(ARCHIVE, role="local")
        target = get(tmp_path, *sources, local_folders=[tmp_path / "none", tmp_path / "mine"])
    assert target.read_bytes() == CONTENT
    assert server.requests == []


def test_home_directory_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ARCHIVE).write_bytes(CONTENT)
    target = get(tmp_path, source(ARCHIVE, role="local"), local_folders=["~"])
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [(CONTENT[:-1], "has 299999 bytes instead of 300000"), (bytes(len(CONTENT)), "has sha256")],
)
def test_wrong_local_copy_is_reported_and_left_alone(tmp_path, caplog, wrong, reason):
    mine = tmp_path / ARCHIVE
    mine.write_bytes(wrong)
    with serve({"/a.gz": CONTENT}) as server, caplog.at_level(logging.WARNING):
        sources = source(ARCHIVE, role="local"), source(server.url + "/a.gz")
        target = get(tmp_path, *sources, local_folders=[tmp_path])
    assert target.read_bytes() == CONTENT
    assert mine.read_bytes() == wrong
    assert f"{mine}: {reason}" in caplog.text


def test_local_copy_may_be_packed_as_any_source_packs_it(tmp_path):
    repacked = b"packed otherwise"
    (tmp_path / ARCHIVE).write_bytes(repacked)
    rows = source(ARCHIVE, role="local"), source(ARCHIVE, role="local", content=repacked)
    assert get(tmp_path, *rows, local_folders=[tmp_path]).read_bytes() == repacked


def test_all_digests_of_a_row_must_agree(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(CONTENT)
    digests = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "md5": "0" * 32}
    row = Source("data", "1", ARCHIVE, "local", ARCHIVE, digests, len(CONTENT), "MIT")
    with pytest.raises(ReveilError, match="has md5"):
        get(tmp_path, row, local_folders=[tmp_path])


def test_archive_that_is_there_already_is_kept_if_it_is_right(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / ARCHIVE).write_bytes(CONTENT)
    assert get(tmp_path, source(nobody() + "/a.gz")).read_bytes() == CONTENT
    (tmp_path / "store" / ARCHIVE).write_bytes(b"broken")
    with serve({"/a.gz": CONTENT}) as server:
        assert get(tmp_path, source(server.url + "/a.gz")).read_bytes() == CONTENT


def test_missing_embedded_file_says_what_to_restore(tmp_path):
    with pytest.raises(ReveilError, match=r"restore the file a\.gz .* as .*/embedded/a\.gz"):
        get(tmp_path, source("embedded/a.gz"), root=tmp_path)


def test_archive_without_a_place_for_local_copies_may_be_put_at_the_destination(tmp_path):
    wanted = source(nobody() + "/a.gz")
    with pytest.raises(ReveilError, match=r"put the file a\.gz .* where it is wanted: .*a\.gz"):
        get(tmp_path, wanted)


def test_destination_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(ReveilError, match="cannot be written"):
        get(tmp_path, source(nobody() + "/a.gz"))


def test_unknown_archive_names_the_nearest(tmp_path):
    with pytest.raises(ReveilError, match=r"did you mean data/a\.gz"):
        fetch("data", "a.bz", tmp_path / "a", [source("x")])


def test_progress_is_logged(tmp_path, caplog):
    with serve({"/a.gz": CONTENT}) as server, caplog.at_level(logging.INFO):
        get(tmp_path, source(server.url + "/a.gz"))
    assert "data: a.gz (kB): 300/300 (100 %)" in caplog.text


def test_embedded_demo_is_fetched_from_the_repository(tmp_path):
    registry = read_registry(ROOT / "config" / "datasets.csv")
    rows = [row for row in registry if row.name == "fashion-mnist-demo"]
    assert len(rows) == 4
    for row in rows:
        target = tmp_path / row.archive
        assert fetch(row.name, row.archive, target, registry, root=ROOT) == row
        assert target.read_bytes() == (ROOT / row.url).read_bytes()
