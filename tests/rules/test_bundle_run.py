"""A finished run described, packed, unpacked into another clone, and drawn again there."""

import json
import os
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from reveil.bundle.contents import METADATA
from reveil.bundle.unpacking import unpack
from reveil.digest import file_digest
from tests.workflow import Clone, clone_repository, locked

RUN = "results/tiny"
BUNDLE = f"{RUN}/reveil-tiny.crate.zip"
OWN = ["record_config", "collect_provenance", "export_crate", "pack_bundle"]
# The smallest run in which each study trains, attacks, prints and draws.
CONFIG = {
    "recipes": {"full": {"epochs": 2}},
    "attacks": {"inversed": {"iterations": 20}},
    "studies": {
        "ats": {
            "policies": ["none"],
            "items": ["table_policies", "figure_grid", "figure_psnr"],
            "experiments": {"targets": []},
        },
        "cvnn": {
            "policies": ["rotation"],
            "items": ["table_protection", "figure_grid", "figure_curves"],
            "experiments": {"targets": []},
        },
        "unir": {
            "items": ["table_methods", "figure_grid", "figure_curves"],
            "experiments": {"targets": []},
        },
    },
}
DRAWN = {
    *("ats_table_policies", "ats_figure_grid", "ats_figure_psnr"),
    *("cvnn_table_protection", "cvnn_figure_grid", "cvnn_figure_curves"),
    *("unir_table_methods", "unir_figure_grid", "unir_figure_curves"),
    *("judge_ats", "judge_cvnn", "judge_unir", "judge_claims"),
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with a finished run and its bundle; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packed"
    with locked(shared.with_suffix(".lock")):
        if not (shared / "done").exists():
            clone = clone_repository(shared).with_config("small", CONFIG)
            clone.run()
            assert clone.plan("pack_bundle") == dict.fromkeys(OWN, 1)
            clone.run("pack_bundle")
            (shared / "done").touch()
    return Clone(shared, (*Clone.config, "small.yaml"))


@pytest.fixture
def provenance(packed: Clone) -> dict:
    return json.loads((packed.path / RUN / "provenance.json").read_text())


@pytest.fixture
def unpacked(packed: Clone, fresh: Clone) -> Iterator[Clone]:
    """A clone in which nothing ran, with what the bundle holds."""
    unpack(packed.path / BUNDLE, fresh.path)
    yield Clone(fresh.path, (f"{RUN}/config.yaml",))


def test_every_result_of_a_run_has_its_provenance(packed: Clone, provenance: dict) -> None:
    assert provenance["without_provenance"] == provenance["changed"] == []
    for row in provenance["results"]:
        assert row["sha256"] == file_digest(packed.path / row["path"])
        job = provenance["jobs"][row["job"]]
        assert job["rule"] and job["started"] and job["wall_seconds"] >= 0 and job["peak_mb"] > 1
    kinds = {row["kind"] for row in provenance["results"]}
    assert kinds >= {"model", "attack", "attacker", "policy", "tidy table", "table", "figure"}
    assert kinds >= {"verdicts", "gallery", "configuration"} and "other" not in kinds
    assert provenance["config"]["files"] == ["config.yaml", "config/tiny.yaml", "small.yaml"]
    assert provenance["config"]["seeds"] == [0]
    # A copy of the files, and no working tree of git.
    assert provenance["commit"] is None


def test_heavy_jobs_are_measured_by_snakemake(provenance: dict) -> None:
    heavy = {name.split("/")[0] for name in provenance["jobs"] if name.count("/") > 4}
    assert heavy >= {"train_model", "attack_images", "attack_features", "reconstruct_images"}
    for name, job in provenance["jobs"].items():
        if name.split("/")[0] in {"train_model", "train_attacker", "attack_images"}:
            assert job["measured_seconds"] > job["wall_seconds"] and job["device"] == "cpu"
            assert job["seed"] == 0


def test_a_packed_run_plans_nothing_more_under_any_commit(
    packed: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEIL_COMMIT", "1" * 40)
    assert packed.plan("pack_bundle") == {}


def test_the_crate_is_read_without_a_network(
    packed: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    crate = ROCrate(packed.path / BUNDLE)
    assert crate.mainEntity.id == "Snakefile"
    with zipfile.ZipFile(packed.path / BUNDLE) as archive:
        assert archive.namelist()[0] == METADATA
        assert not [name for name in archive.namelist() if name.endswith(".safetensors")]
        assert archive.testzip() is None


def test_from_a_bundle_every_figure_and_table_is_one_job(unpacked: Clone) -> None:
    planned = unpacked.plan()
    assert {rule for rule in planned if rule != "all"} == DRAWN
    assert set(planned.values()) == {1}
    chosen = ("ats_figure_psnr", "cvnn_figure_grid", "unir_table_methods")
    assert unpacked.plan(*chosen) == dict.fromkeys(chosen, 1)


def test_the_configuration_in_a_bundle_is_the_merged_one(packed: Clone, unpacked: Clone) -> None:
    """What a run without its tables would compute is the same, to the last parameter."""
    plans = {clone.plan("all", "--forceall").__repr__() for clone in (packed, unpacked)}
    assert len(plans) == 1


def test_what_is_drawn_again_is_what_was_packed(packed: Clone, unpacked: Clone) -> None:
    chosen = ["ats_figure_grid", "cvnn_table_protection", "unir_figure_curves"]
    before = {path: path.stat().st_mtime_ns for path in drawn(unpacked)}
    unpacked.run(*chosen)
    again = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert len(again) >= 7
    for path in again:
        packed_file = packed.path / path.relative_to(unpacked.path)
        assert path.read_bytes() == packed_file.read_bytes(), path.name


def drawn(clone: Clone) -> list[Path]:
    suffixes = {".svg", ".png", ".html", ".md", ".csv"}
    files = (clone.path / RUN).rglob("*")
    return [path for path in files if path.suffix in suffixes]


def test_unpacking_beside_prepared_data_plans_no_more(packed: Clone, fresh: Clone) -> None:
    prepared = fresh.path / "resources/datasets/fashion-mnist-demo/train/images.npy"
    prepared.parent.mkdir(parents=True)
    prepared.touch()
    said = subprocess.run(
        ["make", "-n", "unpack", f"BUNDLE={packed.path / BUNDLE}"],
        cwd=fresh.path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f'-m reveil.bundle unpack "{packed.path / BUNDLE}"' in said
    unpack(packed.path / BUNDLE, fresh.path)
    clone = Clone(fresh.path, (f"{RUN}/config.yaml",))
    assert {rule for rule in clone.plan() if rule != "all"} == DRAWN
