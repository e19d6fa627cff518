"""Names that a careless program would run: in the configuration, and on the disk."""

import copy
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reveil import config as settings
from reveil.config.presets import KINDS
from tests.small import ATTACK, TARGETS, assert_undisturbed
from tests.workflow import ROOT, Clone

# Each makes a file called canary where a shell gets it as it is.
NAMES = [
    "$(touch canary)",
    "; touch canary",
    "`touch canary`",
    "a\ntouch canary",
    "a\n",
    "a & touch canary &",
    "| touch canary",
    "../..",
    "-rf",
    "--help",
    "{x}",
    "a b",
    "a/b",
    "A",
    "",
    "a\0b",
    "é",
    "<script>alert(1)</script>",
]
KEYS: list[tuple[str, ...]] = [
    ("run",),
    ("seeds",),
    ("compute", "device"),
    ("compute", "threads"),
    ("compute", "chunk"),
    ("datasets", "registry"),
    ("datasets", "lpips_weights"),
    ("datasets", "inception_weights"),
    *(
        ("studies", study, key)
        for study, keys in {
            "ats": ("protocols", "datasets", "models", "policies", "attacks", "defences", "items"),
            "cvnn": ("protocols", "datasets", "models", "policies", "attacks", "items"),
            "unir": ("protocols", "datasets", "models", "policies", "recipes", "attacks"),
        }.items()
        for key in keys
    ),
    ("studies", "ats", "experiments", "targets"),
]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return settings.read_yaml(ROOT / "config.yaml")


def _at(config: dict, key: tuple[str, ...]) -> object:
    for part in key:
        config = config[part]
    return config


def changed(config: dict, key: tuple[str, ...], value: object) -> dict:
    """Return a copy with another value."""
    own = copy.deepcopy(config)
    holder = own
    for part in key[:-1]:
        holder = holder[part]
    holder[key[-1]] = value
    return own


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ".".join(map(str, key)))
def test_a_value_that_is_no_name_is_refused(key, config: dict, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = ".".join(key)
    if isinstance(_at(config, key), list):
        messages = settings.check(changed(config, key, NAMES), ROOT)
        for number, name in enumerate(NAMES):
            assert any(m.startswith(f"{said}[{number}]: ") for m in messages), repr(name)
    else:
        for name in NAMES[:5] + NAMES[7:8]:
            messages = settings.check(changed(config, key, name), ROOT)
            assert any(m.startswith(f"{said}: ") for m in messages), repr(name)
    assert list(tmp_path.iterdir()) == []


def test_presets_and_folders_of_ones_own_have_names(config: dict) -> None:
    own = {"path": "docs/images", "size": 32, "fit": "crop", "test": 0.5}
    config = changed(config, ("datasets", "folders"), dict.fromkeys(NAMES, own))
    for kind in KINDS:
        config = changed(config, (kind,), {name: {"base": "default"} for name in NAMES})
    messages = settings.check(config, ROOT)
    for kind in (*KINDS, "datasets.folders"):
        for name in NAMES:
            assert any(m.startswith(f"{kind}.{name}: this name is not") for m in messages), name


# --- real runs ----------------------------------------------------------------------------------

# What a folder or a file may be called, and no program should read anything into.
ODD = "own $(touch canary) `touch canary`; touch canary & 'q' \"d\" -n %s <b>"


def canaries(*folders: Path) -> list[Path]:
    return [path for folder in (*folders, ROOT, Path.cwd()) for path in folder.glob("**/canary")]


@pytest.fixture
def odd(small: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A finished copy that lies in a folder of an odd name."""
    with small.copy(tmp_path) as clone:
        moved = tmp_path / ODD
        shutil.move(clone.path, moved)
        yield Clone(moved, clone.config)
        clone.path.mkdir()


def test_snakemake_refuses_a_name_before_anything_runs(small: Clone, tmp_path: Path) -> None:
    with small.copy(tmp_path) as clone:
        own = {"run": NAMES[0], "studies": {"ats": {"policies": [NAMES[1], NAMES[2], "a\n"]}}}
        done = clone.with_config("own", own).run("--dry-run", check=False)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        for key in ("run", *(f"studies.ats.policies[{n}]" for n in range(3))):
            assert f"  {key}: " in said
        assert canaries(tmp_path) == []


def test_names_on_the_disk_run_nothing(small: Clone, odd: Clone, tmp_path: Path) -> None:
    """A training's neighbour, an attack, a dataset's folder and its files, all of odd names."""
    folder = odd.path / "pictures" / ODD
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    for number, pixels in enumerate(values):
        Image.fromarray(pixels).save(folder / f"{number} {ODD.replace('/', '')}.png")
    own = {
        "datasets": {
            "folders": {"own": {"path": str(folder), "size": 32, "fit": "crop", "test": 0.25}},
            "local_folders": [str(folder), "-rf", "$(touch canary)", "resources/local"],
        }
    }
    for file in (f"{ATTACK}.csv", *TARGETS):
        os.unlink(odd.path / file)
    clone = odd.with_config("own", own)
    arrays = "resources/datasets/folder-own/train/images.npy"
    assert clone.plan(*TARGETS, arrays) == {
        "attack_images": 1,
        "collect_images": 1,
        "collect_rows": 1,
        "prepare_folder": 1,
    }
    clone.run(*TARGETS, arrays)
    assert np.load(odd.path / arrays, allow_pickle=False).shape == (6, 3, 32, 32)
    assert canaries(tmp_path) == []
    assert_undisturbed(odd, small)
