"""A made-up run as an RO-Crate and as one file, and what is refused."""

import json
import shutil
import socket
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from reveil import bundle
from reveil.bundle import __main__ as command
from reveil.bundle.archive import described
from reveil.bundle.contents import METADATA
from reveil.bundle.unpacking import unpack
from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.files import write_text
from reveil.provenance import run
from tests.provenanced import COMMIT, FIGURE, TABLE, WEIGHTS, made_up_run, read
from tests.workflow import ROOT

CONFIG = "results/toy/config.yaml"
METADATA_PATH = f"results/toy/crate/{METADATA}"
SEAL = "results/toy/ats/tables/.images.csv.sha256"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a described run; whatever would use the network fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    root = tmp_path / "toy"
    root.mkdir()
    monkeypatch.chdir(root)
    made_up_run(root)
    write_text(root / CONFIG, "run: toy\n")
    write_text(root / SEAL, file_digest(root / TABLE) + "\n")
    describe(root)
    return root


def describe(root: Path) -> None:
    config = {"path": CONFIG, "sha256": file_digest(root / CONFIG)}
    provenance = run.collect(root, "toy", commit=COMMIT, config=config)
    bundle.describe(
        provenance,
        [TABLE, FIGURE, CONFIG],
        config=[CONFIG],
        targets=["ats_figure_psnr"],
        repository=ROOT,
        registry=str(ROOT / "config/datasets.csv"),
        metadata=str(root / METADATA_PATH),
    )


def packed(root: Path, name: str = "toy.zip") -> Path:
    target = root / name
    bundle.pack(str(target), root / METADATA_PATH, repository=ROOT, drawn={FIGURE})
    return target


def entities(metadata: dict) -> dict[str, dict]:
    found = {entity["@id"]: entity for entity in metadata["@graph"]}
    assert len(found) == len(metadata["@graph"])
    return found


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["@id"]] if set(value) == {"@id"} else []
        return own + [name for part in value.values() for name in references(part)]
    if isinstance(value, list):
        return [name for part in value for name in references(part)]
    return []


def test_the_crate_says_what_ran_on_what_and_what_came_of_it(toy: Path) -> None:
    found = entities(read(toy / METADATA_PATH))
    root = found["./"]
    assert found[METADATA]["about"] == {"@id": "./"}
    assert found[METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["datePublished"] == "2026-01-02"
    assert root["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert {"@id": "https://w3id.org/ro/wfrun/workflow/0.5"} in root["conformsTo"]
    workflow = found[root["mainEntity"]["@id"]]
    assert set(workflow["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert found[workflow["programmingLanguage"]["@id"]]["name"] == "Snakemake"
    action = found[root["mentions"][0]["@id"]]
    assert action["@type"] == "CreateAction"
    assert action["instrument"] == root["mainEntity"]
    assert (action["startTime"], action["endTime"]) == (
        "2026-01-02T03:04:05+00:00",
        "2026-01-02T03:04:15+00:00",
    )
    assert "agent" not in action
    assert {"@id": CONFIG} in action["object"] and {"@id": TABLE} in action["result"]


def test_the_crate_names_datasets_versions_and_papers(toy: Path) -> None:
    found = entities(read(toy / METADATA_PATH))
    data = [name for name in found if name.startswith("#fashion-mnist-demo/")]
    assert len(data) == 4 and all(len(found[name]["sha256"]) == 64 for name in data)
    software = {e["name"]: e for e in found.values() if e["@type"] == "SoftwareApplication"}
    assert software["torch"]["softwareVersion"] == "2.13.0" and "absent" not in software
    papers = [found[paper["@id"]] for paper in found["./"]["citation"]]
    assert len(papers) == 8
    assert {paper["datePublished"] for paper in papers} == {"2018", "2019", "2020", "2021", "2022"}


def test_everything_that_the_crate_refers_to_is_in_it(toy: Path) -> None:
    metadata = read(toy / METADATA_PATH)
    known = entities(metadata).keys() | {
        "https://w3id.org/ro/crate/1.1",
        "http://schema.org/CompletedActionStatus",
        "https://doi.org/10.1093/bioinformatics/bts480",
        "https://snakemake.readthedocs.io",
    }
    assert set(references(metadata["@graph"])) - known == set()


def test_sizes_and_digests_are_those_of_the_files(toy: Path) -> None:
    bundled = packed(toy)
    with zipfile.ZipFile(bundled) as archive:
        found = entities(json.loads(archive.read(METADATA)))
        files = [e for e in found.values() if "File" in e["@type"] and "://" not in e["@id"]]
        archive.extractall(toy / "out")
    assert len(files) == len(archive.namelist()) - 1
    for entity in files:
        path = toy / "out" / entity["@id"].replace("%2B", "+")
        assert int(entity["contentSize"]) == path.stat().st_size
        assert entity["sha256"] == file_digest(path)


def test_the_library_reads_the_bundle_and_writes_it_again(toy: Path) -> None:
    crate = ROCrate(packed(toy))
    assert crate.name == "reveil, run toy"
    assert crate.mainEntity["name"] == "reveil"
    assert {entity.id for entity in crate.data_entities} >= {TABLE, CONFIG, "Snakefile"}
    crate.write(toy / "again")
    assert (toy / "again" / TABLE).read_bytes() == (toy / TABLE).read_bytes()
    before, after = (entities(read(toy / place)) for place in (METADATA_PATH, f"again/{METADATA}"))
    assert before == after


def test_weights_are_named_by_their_digest_and_left_out(toy: Path) -> None:
    with zipfile.ZipFile(packed(toy)) as archive:
        lines = archive.read("checkpoints.sha256").decode()
        assert lines == f"{file_digest(toy / WEIGHTS)}  {WEIGHTS}\n"
        assert WEIGHTS not in archive.namelist()
        assert {TABLE, FIGURE, SEAL, "README.txt"} <= set(archive.namelist())
        assert "ats_figure_psnr" in archive.read("README.txt").decode()


def test_the_same_run_makes_the_same_bytes(toy: Path, tmp_path: Path) -> None:
    first = packed(toy).read_bytes()
    other = tmp_path / "elsewhere"
    shutil.copytree(toy, other, copy_function=shutil.copyfile)
    describe(other)
    assert packed(other, "second.zip").read_bytes() == first


def test_a_table_changed_since_its_description_is_not_packed(toy: Path) -> None:
    write_text(toy / TABLE, "other numbers\n")
    with pytest.raises(ReveilError, match="images.csv is not what the metadata describe"):
        packed(toy)
    assert not (toy / "toy.zip").exists()


def test_a_missing_table_is_one_message(toy: Path) -> None:
    (toy / TABLE).unlink()
    with pytest.raises(ReveilError, match="images.csv cannot be read: No such file"):
        packed(toy)


def test_unpacked_files_are_those_that_were_packed_and_drawings_are_older(
    toy: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    names = unpack(packed(toy), clone)
    assert names == sorted(name for name in described(read(toy / METADATA_PATH)) if "/toy/" in name)
    for name in names:
        assert (clone / name).read_bytes() == (toy / name).read_bytes()
    assert not (clone / "Snakefile").exists()
    assert (clone / FIGURE).stat().st_mtime < (clone / TABLE).stat().st_mtime
    assert (clone / CONFIG).stat().st_mtime == (clone / TABLE).stat().st_mtime


def test_what_is_there_already_stays_and_what_differs_is_refused(toy: Path, tmp_path: Path) -> None:
    clone, archive = tmp_path / "clone", packed(toy)
    unpack(archive, clone)
    before = (clone / TABLE).stat().st_mtime_ns
    unpack(archive, clone)
    assert (clone / TABLE).stat().st_mtime_ns == before
    write_text(clone / TABLE, "my own numbers\n")
    (clone / FIGURE).unlink()
    with pytest.raises(ReveilError, match="images.csv: another file of this name is there"):
        unpack(archive, clone)
    assert (clone / TABLE).read_text() == "my own numbers\n" and not (clone / FIGURE).exists()


def forged(toy: Path, name: str, content: str, digest: str | None = None) -> Path:
    """Return a bundle with one more file, which its metadata list."""
    target = toy / "forged.zip"
    metadata = read(toy / METADATA_PATH)
    found = entities(metadata)
    found["./"]["hasPart"].append({"@id": name})
    written = toy / "content"
    written.write_text(content)
    metadata["@graph"].append({"@id": name, "sha256": digest or file_digest(written)})
    with zipfile.ZipFile(packed(toy)) as source, zipfile.ZipFile(target, "w") as archive:
        for kept in source.namelist():
            archive.writestr(kept, source.read(kept))
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(name, content)
    return target


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["results/../../outside.txt", "results/./x", "logs//x", "results"])
def test_a_file_that_would_leave_the_folder_stops_all(toy: Path, tmp_path: Path, name: str) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    with pytest.raises(ReveilError, match="would leave the folder; not unpacked"):
        unpack(forged(toy, name, "x"), clone)
    assert not list(clone.iterdir()) and not (tmp_path / "outside.txt").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["../outside.txt", "/etc/x", "src/reveil/job.py", "Snakefile2"])
def test_nothing_is_put_beside_results_and_logs(toy: Path, tmp_path: Path, name: str) -> None:
    clone = tmp_path / "clone"
    assert name not in unpack(forged(toy, name, "x"), clone)
    assert {path.name for path in clone.iterdir()} == {"results", "logs"}
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_not_what_the_metadata_say_is_refused(toy: Path, tmp_path: Path) -> None:
    bad = forged(toy, "results/toy/x.csv", "x", digest="0" * 64)
    with pytest.raises(ReveilError, match="x.csv: is not what the bundle's metadata say"):
        unpack(bad, tmp_path / "clone")
    assert not (tmp_path / "clone/results/toy/x.csv").exists()


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_bundle_that_was_damaged_on_the_way_is_one_message(
    toy: Path, tmp_path: Path, place: int
) -> None:
    """Whatever of the compressed bytes it hits: zlib has errors of its own."""
    bundled = packed(toy)
    with zipfile.ZipFile(bundled) as archive:
        info = archive.getinfo(TABLE)
        begins = info.header_offset + 30 + len(info.filename)
    content = bytearray(bundled.read_bytes())
    content[begins + place] ^= 0xFF
    bundled.write_bytes(content)
    with pytest.raises(ReveilError, match="cannot be read as a bundle|is not what the bundle's"):
        unpack(bundled, tmp_path / "clone")
    assert not (tmp_path / "clone" / TABLE).exists()


def test_unpacking_nothing_says_how_a_file_is_named(tmp_path: Path, capsys) -> None:
    assert command.main(["--root", str(tmp_path), "unpack", ""]) == 1
    assert "make unpack BUNDLE=" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PK not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_one_message(tmp_path: Path, content: bytes, capsys) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert command.main(["--root", str(tmp_path), "unpack", str(tmp_path / "x.zip")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "cannot be read as a bundle" in said
    assert said.count("\n") == 1


def test_an_unfinished_run_is_one_message_that_says_what_to_do() -> None:
    left = Counter({"attack_images": 4, "collect_images": 1})
    said = command.unfinished(left, ["config/demo.yaml"])
    assert said.startswith("bundle: 5 jobs of its run are still to be done (attack_images 4, ")
    assert ".venv/bin/snakemake --configfile config/demo.yaml" in said and "\n" not in said
    assert "1 job of its run is still" in command.unfinished(Counter({"a": 1}), [])
