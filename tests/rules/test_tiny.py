"""What a whole run leaves behind, read from one run of ``config/tiny.yaml``."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reveil import front, policies, rows
from reveil.config import read_yaml
from reveil.models import load_model
from tests.workflow import ROOT, Clone

PAGE = "fixed_fashion-mnist-demo_lenetzhu"
FIGURES = ["grid", "gradsim", "singles", "candidates", "psnr", "curves"]
EXPERIMENTS = read_yaml(ROOT / "config.yaml")["studies"]["ats"]["experiments"]["targets"]


@pytest.fixture(scope="module")
def results(tiny: Clone) -> Path:
    return tiny.path / "results/tiny"


@pytest.fixture(scope="module")
def images(results: Path) -> pd.DataFrame:
    return rows.read(results / "ats/tables/images.csv")


def test_every_attacked_image_has_one_row(images: pd.DataFrame) -> None:
    keys = ["policy", "seed", "attack", "image"]
    assert not images.duplicated(keys).any()
    assert images.groupby("policy").size().tolist() == [4] * 4
    assert set(images["policy"].map(policies.role)) == {
        "none",
        "crop-flip",
        "found-1",
        "found-hybrid",
    }


def test_tidy_table_keeps_its_schema(images: pd.DataFrame, root: Path) -> None:
    rows.check(images, root / "workflow/schemas/images.schema.yaml")
    assert (images["status"] == "ok").all()
    floors = images[["floor_random_db", "floor_mean_db", "floor_black_db"]].max(axis=1)
    assert np.allclose(images["floor_db"], floors)
    assert np.allclose(images["gain_db"], images["psnr_db"] - images["floor_db"])


def test_all_policies_attack_the_same_images_and_classes_are_balanced(images) -> None:
    per_policy = images.groupby("policy")["image"].apply(tuple)
    assert per_policy.nunique() == 1
    assert images[images["policy"] == "none"]["label"].is_unique


def test_psnr_of_a_row_is_that_of_its_picture(results: Path) -> None:
    """The stored picture is rounded to 8 bits, so the two agree to a hundredth of a decibel."""
    paths = sorted(results.glob("ats/attacks/**/*.npz"))
    assert len(paths) > 50
    for path in paths:
        if path.parts[-3] == "zhu":
            continue  # keeps to no box, and a picture cannot show what lies outside
        table = rows.read(path.with_suffix(".csv")).set_index("image")
        with np.load(path, allow_pickle=False) as stored:
            guess, images = stored["reconstructions"] / 255, stored["images"]
            known = "originals" if "draws" in path.parts[-9] else "victims"
            psnr = -10 * np.log10(((guess - stored[known] / 255) ** 2).mean((1, 2, 3)))
            assert np.allclose(table.loc[images, "psnr_db"], psnr, atol=0.01), path


def test_searched_images_are_seen_by_no_training(tiny: Clone, results: Path) -> None:
    from reveil import indices

    labels = np.load(tiny.path / "resources/datasets/fashion-mnist-demo/train/labels.npy")
    held = set(indices.holdout_indices(labels, 40).tolist())
    scored = set(rows.read(results / "ats/tables/interpolation.csv")["image"])
    assert scored <= held
    for subset in ({"rule": "all", "fraction": 1.0}, {"rule": "stratified", "fraction": 0.1}):
        assert not held & set(indices.training_indices(labels, subset, 40, 0).tolist())


def test_found_policies_are_those_selected(results: Path) -> None:
    place = "fashion-mnist-demo/lenetzhu"
    selected = rows.read(results / f"ats/search/fixed/{place}/seed0/selected.csv")
    folder = results / "policies" / place
    files = {path.stem: policies.read(path) for path in folder.glob("found-*.json")}
    best = policies.parse(str(selected["policy"][0])).members
    assert files["found-fixed-s0-1"].members == best
    hybrid = files["found-fixed-s0-1+found-fixed-s0-2"]
    assert hybrid.members == best + policies.parse(str(selected["policy"][1])).members
    assert "search fixed" in hybrid.source


def test_crop_flip_is_attacked_on_the_model_without_policy(results: Path) -> None:
    trained = {path.name for path in (results / "models/fashion-mnist-demo/lenetzhu").iterdir()}
    assert {"none", "found-fixed-s0-1", "found-fixed-s0-1+found-fixed-s0-2"} <= trained
    assert not trained & {"crop-flip", "plain-3-1-7"}


def test_a_model_knows_what_it_is(results: Path) -> None:
    place = "fashion-mnist-demo/lenetzhu"
    path = results / f"models/{place}/none/full/seed0/weights.safetensors"
    _, facts = load_model(path)
    expected = {"model": "lenetzhu", "policy": "none", "recipe": "full", "seed": "0"}
    assert expected.items() <= facts.items()
    provenance = json.loads(path.with_name("provenance.json").read_text())
    assert provenance["recipe"]["epochs"] == 2
    assert provenance["versions"]["torch"]


def test_policy_table_has_n_and_intervals(results: Path) -> None:
    table = rows.read(results / "ats/tables/policies.csv")
    assert len(table) == 4
    assert (table["n_images"] == 4).all()
    assert (table["psnr_low_db"] < table["psnr_mean_db"]).all()
    assert (table["psnr_mean_db"] < table["psnr_high_db"]).all()
    assert "not available" in (results / "ats/tables/policies.html").read_text()


def test_ranking_has_all_fifty(results: Path) -> None:
    table = rows.read(results / "ats/tables/ranking.csv")
    singles = rows.read(results / "ats/tables/singles.csv")
    assert sorted(singles["candidate"]) == list(range(-1, 50))
    assert len(table) >= 50


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_whole(results: Path, figure: str) -> None:
    path = results / f"ats/figures/{figure}_{PAGE}.png"
    with Image.open(path) as picture:
        picture.load()
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").resize((64, 64)).getcolors(64 * 64)) > 10
    assert ElementTree.parse(path.with_suffix(".svg")).getroot().tag.endswith("svg")


def test_figures_of_the_experiments_are_whole(results: Path) -> None:
    drawn = {path.stem: path for path in (results / "ats/figures").glob("*.png")}
    pages = {name.split("_")[0] for name in drawn}
    assert {"exp01", "exp10", "ext02", "w-claim2-curves", "w-insight1-grid", "leaks"} <= pages
    assert len(pages) >= 26
    for path in drawn.values():
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 300, path
            colours = picture.convert("RGB").resize((64, 64)).getcolors(64 * 64)
            assert len(colours) > 10, path
        assert path.with_suffix(".svg").exists()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_leaves_its_rows(results: Path, name: str) -> None:
    """With the published numbers beside ours in what is printed, and the word synthetic."""
    tidy = sorted((results / "ats/experiments" / name).glob("*.csv"))
    assert tidy
    assert all(len(rows.read(path)) for path in tidy)
    item = name.removeprefix("ats-")
    printed = results / f"ats/tables/{item}.md"
    if item in ("exp01", "exp02", "exp07"):
        assert not printed.exists()  # figures in the reports, and here
        return
    table, text = rows.read(printed.with_suffix(".csv")), printed.read_text()
    assert len(table)
    datasets = table["dataset"].dropna() if "dataset" in table else pd.Series(["synthetic"])
    if datasets.str.contains("synthetic").any():
        assert "Synthetic: " in text
        assert "Synthetic: " in printed.with_suffix(".html").read_text()


def test_failed_attacks_are_none(results: Path) -> None:
    for path in (results / "ats/experiments").glob("*/images.csv"):
        table = rows.read(path)
        assert (table["status"] == "ok").all(), table.loc[table["status"] != "ok", "reason"]


def test_nothing_is_left_in_scratch(tiny: Clone) -> None:
    assert not list((tiny.path / "scratch").rglob("*.safetensors"))


def test_report_gathers_every_figure_with_labels(tiny: Clone, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    tiny.run("--report", str(report))
    text = report.read_text()
    assert "Transformation search (ats)" in text
    for figure in FIGURES:
        suffix = "png" if figure == "grid" else "svg"
        assert f"{figure}_{PAGE}.{suffix}" in text
    assert "Gao et al. 2021" in text
    assert "Complex-valued networks (cvnn)" in text
    for figure in ("errors", "grid", "curves"):
        suffix = "png" if figure == "grid" else "svg"
        assert f"{figure}_fixed-cvnn_fashion-mnist-demo_resnet20-alpha-w4.{suffix}" in text
    for path in (tiny.path / "results/tiny/cvnn/tables").glob("*.html"):
        assert f"cvnn/tables/{path.name}" in text
    assert "Knijff et al. 2021" in text
    # The front page, by the notes of the jobs.
    assert "Hardware" in text and front.NOT_NOTED not in text
