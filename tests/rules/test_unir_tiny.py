"""What the study of reconstructions leaves behind, read from one run of ``config/tiny.yaml``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reveil import rows
from reveil.config import read_yaml
from reveil.tables.labels import NOT_AVAILABLE
from reveil.unir import weights
from reveil.unir.history import LOSSES
from reveil.unir.tables.published import MSE_COLUMNS, SCORE_COLUMNS
from tests.workflow import ROOT, Clone

EXPERIMENTS = read_yaml(ROOT / "config.yaml")["studies"]["unir"]["experiments"]["targets"]
# Of generators of noise, which reconstruct nothing; the second has pictures alone.
SAMPLED = {"unir-exp01", "unir-exp02", "unir-exp10", "unir-exp11"}
SAMPLERS = ("dcgan-w4", "ambient-celeba-w4", "ambient-mnist-w4")
# Tables of stand-ins for faces.
FACES = {"exp01", "exp03", "exp03-losses", "exp04", "exp11", "exp15", "exp16"}
# Item -> its pages: a figure each.
DRAWN = {
    **dict.fromkeys(("grid", "curves", "exp05", "exp06", "exp08", "exp08-curves"), 1),
    **dict.fromkeys(("exp13", "exp14"), 1),
    **dict.fromkeys(("exp01", "exp02", "exp03-grid", "exp03-curves", "exp04"), 2),
    **dict.fromkeys(("exp10", "exp11"), 2),
    "exp04-grid": 3,
}
TABLES = ["methods", "exp03-losses", *(f"exp{n:02}" for n in range(1, 18) if n != 2)]
KEYS = ["protocol", "dataset", "model", "policy", "recipe", "seed", "attack", "image"]
PLACE = ["protocol", "dataset", "policy", "seed"]
# Methods that make all values of an image, observed ones too.
OWN_VALUES = {"network", "network-averaged", "mean-image", "image-prior"}
SHARES = {"remove-pixel-50": 0.5, "remove-pixel-dark-50": 0.5, "remove-pixel-dark-90": 0.9}


@pytest.fixture(scope="module")
def results(tiny: Clone) -> Path:
    return tiny.path / "results/tiny"


@pytest.fixture(scope="module")
def blocks(results: Path) -> list[tuple[pd.DataFrame, dict[str, np.ndarray]]]:
    """All blocks of the study and its experiments: rows and pictures."""
    found = []
    for path in sorted((results / "unir/attacks").rglob("*.csv")):
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
            found.append((rows.read(path), dict(stored)))
    assert len(found) > 40
    return found


@pytest.fixture(scope="module")
def images(blocks: list) -> pd.DataFrame:
    return pd.concat([table for table, _ in blocks], ignore_index=True)


def test_every_image_has_one_row_of_each_method(images: pd.DataFrame) -> None:
    assert not images.duplicated(KEYS).any()
    assert (images["status"] == "ok").all(), images.loc[images["status"] != "ok", "reason"]
    methods = images.groupby([*PLACE, "model", "recipe", "attack"])["image"].apply(tuple)
    assert set(methods.apply(len)) == {4}
    # The same images for all methods of an operator.
    assert (methods.groupby(level=PLACE).nunique() == 1).all()


def test_all_methods_of_an_operator_have_the_same_measurements(blocks: list) -> None:
    seen: dict[tuple, list[dict[str, np.ndarray]]] = {}
    for table, arrays in blocks:
        seen.setdefault(tuple(table.loc[0, PLACE]), []).append(arrays)
    assert max(map(len, seen.values())) > 10
    for place, several in seen.items():
        for arrays in several:
            for name in ("index", "clean", "measured"):
                assert np.array_equal(arrays[name], several[0][name]), (place, name)


def test_errors_of_a_row_are_those_of_its_picture(blocks: list) -> None:
    """The stored pictures are rounded to 8 bits, and cut off to their range."""
    for table, arrays in blocks:
        by_image = table.set_index("image").loc[arrays["index"]]
        clean, found = (arrays[k] / 127.5 - 1 for k in ("clean", "reconstruction"))
        error = ((found - clean) ** 2).mean((1, 2, 3))
        noisy = (by_image["attack"] == "keep") & (by_image["policy"] == "convolve-noise")
        close = np.isclose(by_image["mse_pm1"], error, atol=1e-2)
        assert (close | noisy).all(), table.loc[0, KEYS].to_dict()


def test_measures_agree_with_each_other(images: pd.DataFrame) -> None:
    for end in ("", "_dc"):
        known = images[images[f"mse_pm1{end}"].notna()]
        assert np.allclose(known[f"mse_01{end}"], known[f"mse_pm1{end}"] / 4)
        psnr = 10 * np.log10(4 / known[f"mse_pm1{end}"])
        assert np.allclose(known[f"psnr_db{end}"], psnr, atol=1e-3)
    masked = images[images["mse_pm1_missing"].notna()]
    # Where observed values are copied in, all of the error is of the missing ones.
    whole = masked["missing_share"] * masked["mse_pm1_missing"]
    assert np.allclose(masked["mse_pm1_dc"], whole, rtol=1e-4)


def test_observed_values_that_are_copied_in_raise_no_error(images: pd.DataFrame) -> None:
    masked = images[images["mse_pm1_dc"].notna()]
    assert (masked["mse_pm1_dc"] <= masked["mse_pm1"] * (1 + 1e-6) + 1e-9).all()
    trained = masked["attack"].isin(["network", "network-averaged"])
    assert (masked.loc[trained, "mse_pm1_dc"] < masked.loc[trained, "mse_pm1"]).all()
    blurred = images["policy"] == "convolve-noise"
    assert images.loc[blurred, ["mse_pm1_dc", "mse_pm1_missing", "missing_share"]].isna().all(None)
    assert masked["policy"].nunique() == len(SHARES)


def test_the_share_that_is_missing_is_that_of_the_operator(blocks: list) -> None:
    for table, arrays in blocks:
        policy = table.loc[0, "policy"]
        if policy not in SHARES:
            continue
        values = arrays["mask"][0].size
        expected = np.floor(SHARES[policy] * values) / values
        assert np.allclose(table["missing_share"], expected, atol=1e-6), policy
        mask = arrays["mask"]
        assert np.allclose(1 - mask.mean((1, 2, 3)), expected)
        assert mask.shape[1] == (1 if "dark" in policy else arrays["clean"].shape[1])
        assert (arrays["measured"][~np.broadcast_to(mask, arrays["clean"].shape)] == 0).all()


def test_methods_without_a_network_do_as_their_names_say(blocks: list) -> None:
    done = set()
    for table, arrays in blocks:
        name, policy = table.loc[0, "attack"], table.loc[0, "policy"]
        found = arrays["reconstruction"]
        if policy in SHARES and name not in OWN_VALUES:
            seen = np.broadcast_to(arrays["mask"], found.shape)
            assert np.array_equal(found[seen], arrays["clean"][seen]), name
        if name == "keep" and policy in SHARES:
            assert set(np.unique(found[~seen])) <= {127, 128}
            assert np.allclose(table["residual"], 0)
        elif name == "mean-image":
            assert (found == found[:1]).all()
        elif name == "mean-fill":
            for image, mask in zip(found, seen, strict=True):
                for channel, known in zip(image, mask, strict=True):
                    assert np.unique(channel[~known]).size == 1
                    assert abs(channel[~known][0] - channel[known].mean()) <= 1
        done.add(name)
    assert {"keep", "mean-image", "mean-fill", "tv", "wiener", "biharmonic", "median"} <= done


def test_every_training_has_its_row_and_finite_losses(results: Path) -> None:
    for name in sorted(set(EXPERIMENTS) - SAMPLED - {"unir-exp09"}):
        models = rows.read(results / f"unir/experiments/{name}/models.csv")
        assert not models.duplicated(["dataset", "model", "policy", "recipe", "seed"]).any()
        assert (models["steps"] == 3).all()
        assert np.isfinite(models["loss_g"]).all()
    history = rows.read(results / "unir/tables/histories.csv")
    assert {*LOSSES, "residual"} <= set(history)
    assert history.groupby("recipe")["step"].apply(list).tolist() == [[1, 2, 3]] * 2


def test_generators_of_noise_have_no_errors_of_reconstructions(results: Path) -> None:
    places = [path.relative_to(results / "unir/attacks").parts for path in
              (results / "unir/attacks").rglob("*.csv")]  # fmt: skip
    assert not {parts[2] for parts in places} & set(SAMPLERS)
    assert {"unir-released", "unir-released-pajot2019"} <= {parts[4] for parts in places}
    for name in SAMPLED:
        assert not (results / f"unir/experiments/{name}/images.csv").exists()
    scores = pd.concat(
        [
            rows.read(results / f"unir/experiments/{n}/samples.csv")
            for n in ("unir-exp10", "unir-exp11")
        ]
    )
    assert set(scores["model"]) == set(SAMPLERS)
    assert not [column for column in scores if "mse" in column or "psnr" in column]
    assert scores["inception_score"].astype(float).between(1, 10 + 1e-6).all()
    # 64 samples are too few for an interval.
    assert (scores["n_samples"] == 64).all()
    assert scores[["inception_score_low", "inception_score_high"]].isna().all(axis=None)
    assert (scores["frechet_inception_images"] == NOT_AVAILABLE).all()


def test_the_likelihood_that_the_report_logged_is_nothing(results: Path) -> None:
    history = rows.read(results / "unir/experiments/unir-exp01/histories.csv")
    assert len(history)
    assert (history["loss_likelihood"] == 0).all()
    described = rows.read(results / "unir/experiments/unir-exp03/histories.csv")
    assert (described["loss_likelihood"] > 0).all()


def test_averaged_weights_are_others_than_the_last_ones(images: pd.DataFrame) -> None:
    own = images[images["recipe"] == "unir-average"].pivot(
        index="image", columns="attack", values="mse_pm1"
    )
    assert (own["network"] != own["network-averaged"]).all()


def test_a_network_knows_what_it_is(results: Path) -> None:
    place = "models/fashion-mnist-demo/unet-w4/remove-pixel-dark-50/unir/seed0"
    network, critic, facts = weights.load(results / place / "weights.safetensors")
    assert network.blueprint.model == "unet-w4"
    assert critic is not None
    assert {"model": "unet-w4", "recipe": "unir", "seed": "0"}.items() <= facts.items()


@pytest.mark.parametrize("item", TABLES)
def test_tables_have_n_and_intervals_and_say_what_is_synthetic(results: Path, item: str) -> None:
    path = results / f"unir/tables/{item}.md"
    table, text = rows.read(path.with_suffix(".csv")), path.read_text()
    html = path.with_suffix(".html").read_text()
    head = text.splitlines()[0]
    assert len(table)
    assert "[95 %]" in head
    counted = {"exp01": "Lines", "exp03-losses": "Lines", "exp10": "Samples", "exp11": "Samples"}
    assert f"| {counted.get(item, 'Images')} |" in head
    assert "| Seeds |" in head
    synthetic = table["dataset"].str.contains("synthetic")
    assert synthetic.any() == (item in FACES)
    for said in (text, html):
        assert ("Synthetic: " in said) == (item in FACES)
    marked = sum("(synthetic)" in line for line in text.splitlines() if line.startswith("| "))
    assert marked == synthetic.sum()


@pytest.mark.parametrize("item", ["methods", "exp03", "exp04", "exp09", "exp15", "exp16"])
def test_published_errors_are_not_available(results: Path, item: str) -> None:
    """The paper's tables could not be read, and the third party's number is of true faces."""
    table = rows.read(results / f"unir/tables/{item}.csv")
    assert (table[list(MSE_COLUMNS)] == NOT_AVAILABLE).all(axis=None)
    lines = (results / f"unir/tables/{item}.md").read_text().splitlines()
    body = [line for line in lines if line.startswith("| ")][2:]
    assert len(body) == len(table)
    assert all(line.count(NOT_AVAILABLE) == len(MSE_COLUMNS) for line in body)
    assert not table["rank"].notna().any()  # of one seed


def test_published_scores_stand_beside_garments_and_not_beside_synthetic_faces(
    results: Path,
) -> None:
    shown = rows.read(results / "unir/tables/exp10.csv").set_index("recipe")
    at = shown.loc["ambientgan-bora2018", list(SCORE_COLUMNS)].astype(float)
    assert at.tolist() == [8.5, 9.35]
    faces = rows.read(results / "unir/tables/exp11.csv")
    made_up = faces["dataset"].str.contains("synthetic")
    assert (faces.loc[made_up, list(SCORE_COLUMNS)] == NOT_AVAILABLE).all(axis=None)


def test_the_reports_log_stands_beside_the_losses(results: Path) -> None:
    table = rows.read(results / "unir/tables/exp01.csv")
    half = table["loss_d_mean"] / 2
    assert np.allclose(table["loss_d_halved_mean"], half)


@pytest.mark.parametrize(("item", "pages"), sorted(DRAWN.items()), ids=sorted(DRAWN))
def test_figures_are_whole(results: Path, item: str, pages: int) -> None:
    paths = sorted((results / "unir/figures").glob(f"{item}_*.png"))
    assert len(paths) == pages
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 200, path
            colours = picture.convert("RGB").resize((64, 64)).getcolors(64 * 64)
            assert len(colours) > 10, path
        assert path.with_suffix(".svg").stat().st_size > 1000


def test_no_other_figures_are_drawn(results: Path) -> None:
    drawn = {path.name.split("_")[0] for path in (results / "unir/figures").iterdir()}
    assert drawn == set(DRAWN)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_leaves_its_rows_and_its_caption(results: Path, name: str) -> None:
    tidy = {path.stem for path in (results / "unir/experiments" / name).glob("*.csv")}
    assert bool(tidy) == (name != "unir-exp02")
    assert ("images" in tidy) == (name not in SAMPLED)
    for table in tidy:
        assert len(rows.read(results / f"unir/experiments/{name}/{table}.csv"))
    item = name.removeprefix("unir-")
    captions = {path.stem for path in (ROOT / "workflow/report").glob(f"unir_*_{item}*.rst")}
    drawn = {path.name.split("_")[0] for path in (results / "unir/figures").glob(f"{item}*")}
    printed = {path.stem for path in (results / "unir/tables").glob(f"{item}*.csv")}
    expected = {f"unir_figure_{d.replace('-', '_')}" for d in drawn}
    expected |= {f"unir_table_{p.replace('-', '_')}" for p in printed}
    assert captions == expected
