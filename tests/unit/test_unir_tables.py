"""The main table of unir: measures, differences, ranks, and what may never be in it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import rows
from reveil.errors import ReveilError
from reveil.unir import judging, tables
from reveil.unir.labels import method_label, method_order
from reveil.unir.tables import measures
from reveil.unir.tables.methods import CLASSICAL, PAIRED, UNPAIRED, UNSUPERVISED
from tests import unir_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
FOUR = np.array([18.0, 19.0, 20.0, 21.0])


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def ends(row, name, unit=""):
    return [row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high")]


def student(values):
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return [np.mean(values), np.mean(values) - half, np.mean(values) + half]


def methods(*parts, models=None, recipes=None, **more):
    images = pd.concat(parts, ignore_index=True)
    if models is None:
        keys = ["dataset", "model", "policy", "recipe", "seed"]
        found = images.loc[images["recipe"] != "none", keys].drop_duplicates()
        models = pd.concat(
            [made_up.network(), *(made_up.network(**row) for row in found.to_dict("records"))]
        ).iloc[1:]
    recipes = made_up.recipes() if recipes is None else recipes
    return tables.methods_table(images, models, PUBLISHED, recipes=recipes, **more)


def test_every_measure_of_the_judge_is_in_the_table():
    assert set(measures.MEASURES) == set(judging.MEASURES)
    assert list(made_up.reconstructed().columns) == [*made_up.NAMES, *judging.COLUMNS]


def test_a_row_has_means_over_images_of_the_means_of_its_seeds():
    row = row_of(methods(*(made_up.reconstructed(psnr=FOUR + seed, seed=seed) for seed in (0, 2))))
    assert ends(row, "psnr", "_db") == pytest.approx(student(FOUR + 1))
    error = (4 * 10 ** (-FOUR / 10) + 4 * 10 ** (-(FOUR + 2) / 10)) / 2
    assert ends(row, "mse_pm1") == pytest.approx(student(error))
    assert ends(row, "mse_01") == pytest.approx([value / 4 for value in student(error)])
    assert ends(row, "mse_pm1_missing") == pytest.approx(student(2 * error))
    assert ends(row, "psnr_dc", "_db") == pytest.approx(student(FOUR + 1 + 10 * np.log10(2)))
    assert row["psnr_seed_std_db"] == pytest.approx(np.sqrt(2))
    assert (row["n_images"], row["n_seeds"], row["n_failed"]) == (4, 2, 0)
    assert (row["steps"], row["n_train"], row["missing_share_mean"]) == (800, 20_000, 0.5)


def test_differences_are_paired_by_image_and_seed():
    own = made_up.reconstructed(psnr=FOUR, seed=0)
    # Of seed 1 there is no keep, so that this seed says nothing of the difference.
    other = made_up.reconstructed(psnr=FOUR + 50, seed=1)
    keep = made_up.reconstructed("keep", np.array([1.0, 3.0, 2.0, 4.0]), seed=0)
    fill = made_up.reconstructed("mean-fill", FOUR[:2] - 5)
    table = methods(own, other, keep, fill)
    row = row_of(table, method="unir")
    expected = student(FOUR - np.array([1.0, 3.0, 2.0, 4.0]))
    assert ends(row, "keep_psnr_difference", "_db") == pytest.approx(expected)
    assert ends(row, "mean_fill_psnr_difference", "_db") == pytest.approx([5, 5, 5])
    missing = ends(row, "keep_psnr_missing_difference", "_db")
    assert missing == pytest.approx(expected)
    assert (row["keep_n"], row["mean_fill_n"], row["unir_n"]) == (4, 2, 0)
    assert np.isnan(row["unir_psnr_difference_mean_db"])
    beside = row_of(table, method="keep")
    assert beside["unir_psnr_difference_mean_db"] == pytest.approx(-expected[0])
    assert beside["keep_n"] == 0


def test_methods_without_a_network_stand_beside_every_network_of_their_dataset():
    wide = made_up.SUBJECT | {"model": "unet-w32"}
    recipes = made_up.recipes(subjects=(made_up.SUBJECT, wide, made_up.FACES))
    images = (
        made_up.reconstructed(),
        made_up.reconstructed(subject=wide),
        made_up.reconstructed(subject=made_up.FACES),
        made_up.reconstructed("keep"),
    )
    table = methods(*images, recipes=recipes)
    kept = table[table["method"] == "keep"]
    assert sorted(kept["model"]) == ["unet", "unet-w32"]
    assert set(kept["recipe"]) == {"none"} and kept["steps"].isna().all()
    broken = made_up.failed(images[3], 0)
    table = methods(*images[:3], broken, recipes=recipes)
    assert table["n_failed"].sum() == 2
    assert "Failed and left out: 1." in tables.to_markdown(table)
    alone = methods(
        made_up.reconstructed("keep"), made_up.reconstructed("tv"), models=made_up.network()
    )
    assert set(alone["model"]) == {"none"}


def test_a_failed_image_has_no_measure_and_is_counted():
    row = row_of(methods(made_up.failed(made_up.reconstructed(psnr=FOUR), 3)))
    assert row["psnr_mean_db"] == pytest.approx(19.0)
    assert (row["n_images"], row["n_failed"]) == (3, 1)
    same = made_up.reconstructed("keep", [np.inf, 20.0], mse_pm1_missing=np.nan)
    row = row_of(methods(same, models=made_up.network()))
    assert row["psnr_mean_db"] == 60.0 and np.isnan(row["mse_pm1_missing_mean"])


def test_rows_say_what_a_method_learns_from():
    found = ("keep", "mean-image", "unir", "splitting", "unpaired", "paired", "regress")
    table = methods(*(made_up.reconstructed(name) for name in found))
    told = dict(zip(table["method"], table["learns_from"], strict=True))
    assert told == {
        "keep": CLASSICAL, "mean-image": UNSUPERVISED, "unir": UNSUPERVISED,
        "splitting": UNSUPERVISED, "unpaired": UNPAIRED, "paired": PAIRED, "regress": PAIRED,
    }  # fmt: skip
    few = methods(*(made_up.reconstructed(name) for name in found), kinds=[UNPAIRED, PAIRED])
    assert set(few["method"]) == {"unpaired", "paired", "regress"}
    assert (few["unir_n"] == 4).all() and (few["keep_n"] == 4).all()
    with pytest.raises(ReveilError, match="kinds: 'pears' is not allowed"):
        methods(made_up.reconstructed(), kinds=["pears"])
    with pytest.raises(ReveilError, match="no method that learns from nothing"):
        methods(made_up.reconstructed(), kinds=[CLASSICAL])


def ranks(table):
    return dict(zip(table["method"], table["rank"], strict=True))


def test_ranks_need_three_seeds_and_equal_steps():
    found = ranks(methods(made_up.study()))
    assert found.pop("regress") != found["tv"]
    assert found == {
        "tv": 1,
        "unir": 2,
        "splitting": 3,
        "cond-ambient": 4,
        "mean-fill": 5,
        "keep": 6,
    }
    assert all(np.isnan(rank) for rank in ranks(methods(made_up.study(seeds=(0, 1)))).values())
    uneven = made_up.networks()
    uneven.loc[uneven["recipe"] == "splitting", "steps"] = 1200
    assert all(np.isnan(rank) for rank in ranks(methods(made_up.study(), models=uneven)).values())
    other = made_up.study(("tv",), seeds=(1, 2, 3))
    mixed = methods(made_up.study(("unir", "keep")), other)
    assert all(np.isnan(rank) for rank in ranks(mixed).values())


def test_averaged_weights_are_a_method_of_their_own():
    averaged = made_up.reconstructed(psnr=FOUR + 1, attack="network-averaged")
    table = methods(made_up.reconstructed(psnr=FOUR), averaged)
    row = row_of(table, attack="network-averaged")
    assert row["method_label"] == "UNIR, averaged weights"
    assert ends(row, "unir_psnr_difference", "_db") == pytest.approx([1, 1, 1])


def test_recipes_by_a_reports_settings_are_named_and_placed_as_ours():
    assert method_label("cond-ambient-pajot2019") == "Conditional AmbientGAN, released settings"
    assert method_label("ignore-bora2018") == "GAN on measurements, their settings"
    assert method_label("mine-pajot2019") == "mine-pajot2019"
    mixed = ["keep", "regress-pajot2019", "cond-ambient-pajot2019", "unir-pajot2019"]
    assert sorted(mixed, key=method_order) == mixed[::-1]


def test_rows_are_in_order_of_operators_then_methods():
    images = [
        made_up.reconstructed(name, policy=policy)
        for name in ("tv", "unir", "regress")
        for policy in ("patch-band", "remove-pixel-90", "remove-pixel-dark-90")
    ]
    table = methods(*images)
    assert table["policy"].tolist() == [
        *3 * ["remove-pixel-dark-90"], *3 * ["remove-pixel-90"], *3 * ["patch-band"]
    ]  # fmt: skip
    assert table["method"].tolist() == 3 * ["unir", "regress", "tv"]


# --- what may not be in a table of reconstructions ----------------------------------------------


def test_generators_of_images_from_noise_have_no_reconstruction_measures():
    faces = made_up.FACES | {"model": "dcgan"}
    recipes = made_up.recipes(subjects=(made_up.SUBJECT, faces))
    sampled = made_up.reconstructed("guo2020-code", subject=faces)
    with pytest.raises(ReveilError, match="model 'dcgan' is not allowed in a table of reconstruc"):
        methods(made_up.reconstructed(), sampled, recipes=recipes)
    # Even under the name of a network that reconstructs.
    for recipe in ("guo2020-code", "ambientgan", "ignore", "unmeasure-blur"):
        with pytest.raises(
            ReveilError, match=f"recipe '{recipe}' is not allowed in a table of rec"
        ):
            methods(made_up.reconstructed(recipe))


def test_the_sweeps_refuse_samples_too():
    with pytest.raises(ReveilError, match="recipe 'guo2020-code' is not allowed"):
        tables.sweep_table(
            made_up.reconstructed("guo2020-code"), made_up.network("guo2020-code"), sweep="rate",
            recipes=made_up.recipes(), operators=made_up.operators(),
        )  # fmt: skip


def test_rows_of_scores_are_no_rows_of_reconstructions():
    with pytest.raises(
        ReveilError, match="no rows of reconstructions, as they lack attack, defenc"
    ):
        methods(made_up.drawn(), models=made_up.network())


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"model": "resnet20-4"}, "model: 'resnet20-4' is not allowed"),
        ({"model": "none"}, "model 'none' with recipe 'unir' is not allowed"),
        ({"recipe": "pears"}, "recipes: fashion-mnist, unet, pears is missing"),
    ],
)
def test_other_rows_are_refused(columns, told):
    with pytest.raises(ReveilError, match=told):
        methods(made_up.reconstructed(**columns), models=made_up.network())


def test_an_empty_table_and_a_missing_network_are_refused():
    with pytest.raises(ReveilError, match="has no rows"):
        methods(made_up.reconstructed().iloc[:0], models=made_up.network())
    with pytest.raises(ReveilError, match="a network of the recipe 'unir' has no row"):
        methods(made_up.reconstructed(seed=5), models=made_up.network())
    two = pd.concat([made_up.network(), made_up.network(seed=1, steps=900)])
    images = made_up.reconstructed(), made_up.reconstructed(seed=1)
    with pytest.raises(ReveilError, match="steps of the recipe 'unir' would mix 800, 900"):
        methods(*images, models=two)


# --- forms --------------------------------------------------------------------------------------


def test_a_table_is_written_in_three_forms_with_its_notes(tmp_path):
    output = SimpleNamespace(
        csv=tmp_path / "t.csv", markdown=tmp_path / "t.md", html=tmp_path / "t.html"
    )
    table = methods(made_up.study())
    tables.write(table, output, "A last word.")
    told = output.markdown.read_text()
    head = told.splitlines()[0]
    for wanted in ("PSNR, dB [95 %]", "MSE, [0, 1] [95 %]", "GAN steps", "Learns from", "Rank",
                   "Pajot et al. 2019, MSE [-1, 1]"):  # fmt: skip
        assert wanted in head, wanted
    note = told.splitlines()[-1]
    assert "observed values copied in" in note and "could not be read" in note
    assert "fixed-unir: ours, the recommended one." in note and note.endswith("A last word.")
    assert "3 seeds" in note and "Failed and left out: 0." in note
    assert "not available" in told and "nan" not in told
    # The same from the file, where a column with text in it is text.
    assert tables.to_markdown(rows.read(output.csv), "A last word.") == told
    assert output.html.read_text().isascii()


def test_a_table_of_another_study_has_no_form_here():
    with pytest.raises(ReveilError, match="is none of the study unir"):
        tables.to_markdown(pd.DataFrame({"rmse_mean": [0.1]}))
