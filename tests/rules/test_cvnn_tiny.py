"""What the study of private networks leaves behind, read from one run of ``config/tiny.yaml``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reveil import rows
from reveil.config import read_yaml
from reveil.cvnn import weights
from reveil.cvnn.protections import to_json
from reveil.cvnn.tables.published import RECONSTRUCTION
from tests.workflow import ROOT, Clone

PAGE = "fixed-cvnn_fashion-mnist-demo_resnet20-alpha-w4"
EXPERIMENTS = read_yaml(ROOT / "config.yaml")["studies"]["cvnn"]["experiments"]["targets"]
# What the reports show as figures alone, and what is counted or quoted without a single row.
FIGURES_ALONE = {"cvnn-exp05", "cvnn-exp06", "cvnn-exp07"}
ROWLESS = {"cvnn-exp11", "cvnn-ext13"}
# Experiment -> its pages: a figure each.
DRAWN = {
    "core": 1,
    "exp05": 3,
    "exp06": 2,
    "exp07": 2,
    "exp10": 2,
    "exp11": 1,
    "ext03": 2,
    "ext08": 1,
    **dict.fromkeys(("errors", "grid", "curves"), 1),
}


@pytest.fixture(scope="module")
def results(tiny: Clone) -> Path:
    return tiny.path / "results/tiny"


@pytest.fixture(scope="module")
def images(results: Path) -> pd.DataFrame:
    return rows.read(results / "cvnn/tables/images.csv")


def test_every_attacked_image_has_one_row(images: pd.DataFrame) -> None:
    assert not images.duplicated(["policy", "seed", "attack", "image"]).any()
    assert images.groupby(["policy", "attack"]).size().tolist() == [6] * 4
    assert images.groupby(["policy", "attack"])["image"].apply(tuple).nunique() == 1


def test_only_rotated_features_have_a_partner_and_an_angle(images: pd.DataFrame) -> None:
    rotated = images["policy"] == "rotation"
    for column in ("partner", "swapped", "theta_rad", "rmse_blend"):
        assert (images[column].notna() == rotated).all(), column
    assert (images.loc[rotated, "partner"] != images.loc[rotated, "image"]).all()
    # An image has one partner and one angle, whoever attacks it.
    secret = images[rotated].groupby("image")[["partner", "theta_rad"]].nunique()
    assert (secret == 1).all(axis=None)


@pytest.mark.parametrize("name", ["study", *sorted(set(EXPERIMENTS) - ROWLESS)])
def test_attacked_images_keep_their_schema(results: Path, root: Path, name: str) -> None:
    folder = "tables" if name == "study" else f"experiments/{name}"
    path = results / "cvnn" / folder / "images.csv"
    if not path.exists():
        assert list(path.parent.glob("*.csv"))  # of networks alone
        return
    table = rows.read(path)
    rows.check(table, root / "workflow/schemas/cvnn_images.schema.yaml")
    assert (table["status"] == "ok").all(), table.loc[table["status"] != "ok", "reason"]
    assert np.allclose(table["mse_pm1"], 4 * table["rmse"] ** 2, equal_nan=True)


def test_psnr_of_a_row_is_that_of_its_picture(results: Path) -> None:
    """The stored pictures are rounded to 8 bits."""
    paths = sorted((results / "cvnn/attacks").rglob("*.npz"))
    assert len(paths) > 30
    for path in paths:
        table = rows.read(path.with_suffix(".csv")).set_index("image")
        with np.load(path, allow_pickle=False) as stored:
            if "guess" not in stored:
                continue  # after a property of the image
            guess, original = stored["guess"] / 255, stored["original"] / 255
            rmse = np.sqrt(((guess - original) ** 2).mean((1, 2, 3)))
            assert np.allclose(table.loc[stored["index"], "rmse"], rmse, atol=2e-3), path


def test_every_network_passes_what_must_hold(results: Path) -> None:
    """But for the LeNet of the report, which does not commute with rotations (methods 1.3)."""
    table = rows.read(results / "cvnn/tables/ext12.csv")
    told = table.set_index(["model", "policy"])["equivariant"].to_dict()
    assert told == {
        ("lenet-authors-w4", "released"): "yes",
        ("lenet-report", "report-clip"): "no",
        ("resnet20-alpha-w4", "report-old"): "yes",
        ("resnet20-alpha-w4", "rotation"): "yes",
    }
    reaches = table.set_index("policy")["gradient_reaches"].to_dict()
    # In the loops of the authors' code and of the report's LeNet it never does (methods 1.6).
    assert reaches == {
        "released": "no", "report-clip": "no", "report-old": "yes", "rotation": "yes"
    }  # fmt: skip


def test_a_network_knows_its_protection(results: Path) -> None:
    place = "models/fashion-mnist-demo/resnet20-alpha-w4/rotation/cvnn/seed0"
    network, critic, facts = weights.load(results / place / "weights.safetensors")
    assert to_json(network.protection)["name"] == "rotation"
    assert critic is not None
    assert {"model": "resnet20-alpha-w4", "recipe": "cvnn", "seed": "0"}.items() <= facts.items()


@pytest.mark.parametrize(("item", "pages"), sorted(DRAWN.items()), ids=sorted(DRAWN))
def test_figures_are_whole(results: Path, item: str, pages: int) -> None:
    paths = sorted((results / "cvnn/figures").glob(f"{item}_*.png"))
    assert len(paths) == pages
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 300, path
            colours = picture.convert("RGB").resize((64, 64)).getcolors(64 * 64)
            assert len(colours) > 10, path
        assert path.with_suffix(".svg").exists()


def test_no_other_figures_are_drawn(results: Path) -> None:
    drawn = {path.name.split("_")[0] for path in (results / "cvnn/figures").iterdir()}
    assert drawn == set(DRAWN)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_leaves_its_rows(results: Path, name: str) -> None:
    """With the word synthetic in all that is printed of made-up images."""
    tidy = sorted((results / "cvnn/experiments" / name).glob("*.csv"))
    assert bool(tidy) == (name not in ROWLESS)
    assert all(len(rows.read(path)) for path in tidy)
    printed = results / f"cvnn/tables/{name.removeprefix('cvnn-')}.md"
    assert printed.exists() == (name not in FIGURES_ALONE)
    if name in FIGURES_ALONE | {"cvnn-ext11"}:
        return
    table, text = rows.read(printed.with_suffix(".csv")), printed.read_text()
    assert len(table)
    assert table["dataset"].str.contains("synthetic").any()
    assert "Synthetic: " in text
    assert "Synthetic: " in printed.with_suffix(".html").read_text()


def test_published_errors_stand_in_both_units(results: Path) -> None:
    published = rows.read(ROOT / "config/published.csv")
    errors = published[published["metric"] == RECONSTRUCTION]
    table = rows.read(results / "cvnn/tables/ext11.csv")
    assert sorted(table["printed"]) == sorted(errors["value"].astype(float))
    assert np.allclose(table["published_mse_pm1"], 4 * table["published_rmse"] ** 2)


@pytest.mark.parametrize("item", ["protection", "exp02", "exp03", "exp04", "ext02", "ext03"])
def test_networks_of_other_widths_have_no_published_numbers(results: Path, item: str) -> None:
    text = (results / f"cvnn/tables/{item}.md").read_text()
    assert "not available" in text
    assert "Xiang et al. 2020" in text
    assert "Knijff et al. 2021" in text


def test_block_size_changes_no_row(changed: Clone) -> None:
    """Six images in one block, and four and two: partners and angles stay, guesses to rounding."""
    keys = ["policy", "attack", "image"]
    target = "results/tiny/cvnn/tables/images.csv"
    before = rows.read(changed.path / target).set_index(keys).sort_index()
    changed.with_config("blocks", {"studies": {"cvnn": {"block": 4}}}).run(target)
    after = rows.read(changed.path / target).set_index(keys).sort_index()
    exact = ["label", "partner", "swapped", "theta_rad", "attacker_epochs", "status"]
    pd.testing.assert_frame_equal(after[exact], before[exact])
    close = ["theta_guess_rad", "rmse", "mae", "psnr_db", "ssim", "rmse_mean_colour", "rmse_blend"]
    pd.testing.assert_frame_equal(after[close], before[close], atol=1e-4, rtol=1e-4)
