"""The plug-ins of the guides through the rules that use them, each on a handful of images."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from reveil import rows
from tests.guides import write_examples
from tests.workflow import Clone, clone_repository, locked

FILES = (
    "my_dataset.py",
    "my_model.py",
    "my_private_model.py",
    "my_generator.py",
    "my_policy.py",
    "my_defence.py",
    "my_attack.py",
    "my_operator.py",
    "my_reconstruction.py",
    "my_protection.py",
    "my_attacker.py",
)
CONFIG = {
    "run": "plugged",
    "plugins": list(FILES),
    "recipes": {
        "default": {"holdout": 40, "batch_size": 32},
        "full": {"epochs": 1},
        "cvnn": {"epochs": 1, "holdout": 200},
        "unir": {"batch_size": 8, "reconstruction": {"steps": 2, "log_every": 1}},
    },
    "attacks": {
        "brief": {"base": "least-squares", "parameters": {"steps": 3}},
        "told": {"base": "inversed-aware", "iterations": 4, "max_hypotheses": 4},
    },
    "reconstructions": {"smooth-5": {"base": "smooth", "parameters": {"window": 5}}},
    "operators": {"darker": {"base": "dimmed", "parameters": {"darkest": 0.05}}},
    "studies": {
        "ats": {
            "datasets": ["stripes"],
            "models": ["small-net"],
            "policies": ["none", "cutout", "3-1-7+cutout"],
            "attacks": ["brief", "told"],
            "defences": ["none", "clip-1"],
            "items": ["table_policies"],
            "experiments": {"targets": []},
        },
        "cvnn": {
            "datasets": ["stripes"],
            "models": ["plainnet"],
            "policies": ["none", "dropped"],
            "attacks": ["mean-of-own"],
            "items": ["table_protection"],
            "experiments": {"targets": []},
        },
        "unir": {
            "datasets": ["stripes"],
            "models": ["three-layers"],
            "policies": ["darker"],
            "recipes": ["unir"],
            "attacks": ["network", "smooth-5"],
            "items": ["table_methods"],
            "experiments": {"targets": []},
        },
    },
}
ATS = "results/plugged/ats/attacks/fixed/stripes/small-net"
CVNN = "results/plugged/cvnn/attacks/fixed-cvnn/stripes"
UNIR = "results/plugged/unir/attacks/fixed-unir/stripes"
TABLES = tuple(f"results/plugged/{study}/tables/images.csv" for study in ("ats", "cvnn", "unir"))


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the examples of the guides ran; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "plugged"
    with locked(shared.with_suffix(".lock")):
        if not (shared / "done").exists():
            clone = clone_repository(shared)
            assert set(write_examples(shared)) == set(FILES)
            clone.with_config("plugged", CONFIG).run(*TABLES)
            (shared / "done").touch()
    return Clone(shared, (*Clone.config, "plugged.yaml"))


@pytest.fixture
def edited(plugged: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A copy of it that a test may change."""
    with plugged.copy(tmp_path) as clone:
        yield clone


def test_the_dataset_is_the_arrays_that_its_function_returns(plugged: Clone) -> None:
    folder = plugged.path / "resources/datasets/stripes"
    images = np.load(folder / "train/images.npy")
    assert images.dtype == np.uint8
    assert images.shape == (2000, 1, 28, 28)
    assert np.load(folder / "test/labels.npy").tolist() == [i % 4 for i in range(2000, 3000)]


def test_attacks_on_the_users_network_under_the_users_policy_and_defence(plugged: Clone) -> None:
    table = rows.read(plugged.path / TABLES[0])
    assert set(table["policy"]) == {"none", "cutout", "3-1-7+cutout"}
    assert set(table["defence"]) == {"none", "clip-1"}
    assert set(table["model"]) == {"small-net"}
    assert (table["status"] == "ok").all()
    assert table["psnr_db"].notna().all()
    assert set(table["attack"]) == {"brief", "told"}
    # Of 36 places of the square and the signs of 3-1-7, four for each image.
    tried = table[table["attack"] == "told"].groupby("policy")["hypothesis"].max()
    assert tried["none"] == 0
    assert 3 < tried["cutout"] < 36
    # Clipped, no gradient is longer than 1; as they are these are.
    norms = table.groupby("defence")["gradient_norm"].max()
    assert norms["clip-1"] <= 1 + 1e-5


def test_the_policy_cuts_a_square_out_of_what_the_victim_used(plugged: Clone) -> None:
    paths = sorted((plugged.path / ATS).glob("cutout/*/seed0/brief/none/*.npz"))
    assert len(paths) == 1
    with np.load(paths[0], allow_pickle=False) as stored:
        victims = stored["victims"]
    for image in victims:
        black = image[0] == 0
        assert any(
            black[top : top + 8, left : left + 8].all() for top in range(21) for left in range(21)
        )


def test_reconstructions_and_attackers_of_plugins_have_their_rows(plugged: Clone) -> None:
    made = rows.read(plugged.path / TABLES[2])
    assert set(made["policy"]) == {"darker"}
    assert set(made["attack"]) == {"network", "smooth-5"}
    assert set(made["model"]) == {"three-layers", "none"}
    guessed = rows.read(plugged.path / TABLES[1])
    assert set(guessed["model"]) == {"plainnet"}
    assert set(guessed["policy"]) == {"none", "dropped"}
    assert set(guessed["attack"]) == {"mean-of-own"}
    for table in (made, guessed):
        assert (table["status"] == "ok").all() if "status" in table else len(table)


def test_provenance_names_the_plugins_that_were_run(plugged: Clone) -> None:
    (path,) = (plugged.path / ATS).glob("cutout/*/seed0/brief/clip-1/*.json")
    assert {"my_policy.py", "my_model.py", "my_defence.py", "my_attack.py"} <= set(
        rows_of_plugins(path)
    )


def rows_of_plugins(path: Path) -> dict[str, str]:
    return json.loads(path.read_text())["plugins"]


def add(clone: Clone, line: str, files: Iterable[str]) -> None:
    for file in files:
        clone.edit(file, lambda source: f"{source}\n{line}\n")


def test_a_finished_run_plans_nothing_whatever_is_remarked(edited: Clone) -> None:
    add(edited, "# a remark", FILES)
    assert edited.plan(*TABLES) == {}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # One of each study: they share no job but the one that collects.
        (
            ("my_attack.py", "my_reconstruction.py", "my_attacker.py"),
            {
                "attack_images": 6,
                "reconstruct_images": 1,
                "train_attacker": 2,
                "attack_features": 2,
                "collect_images": 3,
            },
        ),
        (("my_defence.py",), {"attack_images": 6, "collect_images": 1}),
        (("my_policy.py",), {"train_model": 2, "attack_images": 8, "collect_images": 1}),
        (
            ("my_private_model.py",),
            {
                "train_private_model": 2,
                "train_attacker": 2,
                "attack_features": 2,
                "collect_images": 1,
            },
        ),
        (
            ("my_generator.py",),
            {"train_reconstruction": 1, "reconstruct_images": 1, "collect_images": 1},
        ),
    ],
)
def test_an_edit_plans_the_jobs_that_stand_on_it_and_no_others(
    edited: Clone, files: tuple[str, ...], expected: dict[str, int]
) -> None:
    add(edited, "REMARK = 1", files)
    assert edited.plan(*TABLES) == expected


def test_a_mistake_in_a_plugin_ends_the_job_with_one_line(edited: Clone) -> None:
    edited.edit("my_policy.py", lambda source: source.replace("images.clone()", "images / nil"))
    target = next((edited.path / ATS).glob("cutout/*/seed0/brief/none/*.csv"))
    done = edited.run(str(target.relative_to(edited.path)), check=False)
    assert done.returncode
    (log,) = (edited.path / "logs/plugged/train_model/stripes/small-net/cutout").rglob("*.log")
    last = log.read_text().splitlines()[-1]
    assert "error: plug-in my_policy.py, line 17, in apply: NameError: name 'nil'" in last
    assert last.endswith("(your file, not reveil)")


def test_a_name_that_no_plugin_gives_is_told_before_anything_runs(edited: Clone) -> None:
    wrong = {"studies": {"ats": {"policies": ["none", "cutuot"]}}}
    done = edited.with_config("wrong", wrong).run("--dry-run", check=False)
    assert done.returncode
    assert "did you mean 'cutout'?" in done.stdout + done.stderr
