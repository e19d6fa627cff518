"""The published numbers of unir, and the tables of losses and scores that they stand in."""

import math

import numpy as np
import pandas as pd
import pytest

from reveil import rows
from reveil.errors import ReveilError
from reveil.unir import scores, tables
from reveil.unir.history import LOSSES
from reveil.unir.tables import published
from reveil.unir.tables.scores import DISTANCES, JACKKNIFE
from tests import unir_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
FACES = made_up.FACES | {"model": "dcgan"}
DIGITS = {"dataset": "fashion-mnist", "model": "ambient-mnist"}
NONE = "not available"


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def ends(row, name):
    return [row[f"{name}_{end}"] for end in ("mean", "low", "high")]


# --- the numbers ---------------------------------------------------------------------------------


def test_every_published_number_has_a_unit_and_a_note():
    own = PUBLISHED[PUBLISHED["study"] == "unir"]
    assert set(own["metric"]) == set(published.UNITS)
    assert own["note"].str.len().gt(0).all()
    assert published.unit("MSE") == "MSE, [-1, 1]"
    with pytest.raises(ReveilError, match="metric: 'mse' is not allowed"):
        published.unit("mse")


def test_the_log_has_eight_lines_an_epoch_and_the_known_means():
    lines = published.printed_lines(PUBLISHED)
    assert lines.groupby("epoch").size().tolist() == 5 * [8]
    first = lines.iloc[0]
    assert (first["epoch"], first["iteration"]) == (1, 0)
    assert first[["loss_d_printed", "loss_g", "d_real"]].tolist() == [1.0472, 2.0463, 0.2533]
    assert first["loss_d"] == pytest.approx(2 * 1.0472)
    means = published.epoch_means(PUBLISHED)
    # Methods document, section 5.3.
    known = {
        "loss_d_printed": [0.583, 0.324, 0.427, 0.393, 0.352],
        "loss_g": [4.643, 3.947, 2.933, 3.376, 2.566],
        "d_real": [0.608, 0.812, 0.777, 0.846, 0.798],
        "d_fake_before": [0.187, 0.238, 0.314, 0.378, 0.280],
        "d_fake_at": [0.050, 0.056, 0.145, 0.083, 0.128],
    }
    for name, values in known.items():
        assert means[name].tolist() == pytest.approx(values, abs=6e-4), name


def beside(recipe, *, subject=made_up.FACES, **columns):
    images = made_up.reconstructed(recipe, subject=subject, **columns)
    models = made_up.network(recipe, subject=subject, policy=images["policy"].iloc[0])
    return row_of(tables.methods_table(images, models, PUBLISHED, recipes=made_up.recipes()))


def test_the_papers_own_tables_are_not_available():
    released = beside("unir-released", policy="remove-pixel-dark-90")
    assert (released["original"], released["guo2020"]) == (NONE, NONE)
    assert released["third_party"] == 0.266
    for row in (
        beside("unir", policy="remove-pixel-dark-90"),
        beside("unir-released", policy="remove-pixel-90"),
        beside("unir-released", policy="remove-pixel-dark-90", subject=made_up.SUBJECT),
    ):
        assert [row[name] for name in published.MSE_COLUMNS] == 3 * [NONE]


def test_synthetic_faces_have_no_published_numbers():
    assert published.is_celeba("celeba-64") and published.is_celeba("celeba-64-guo2020")
    assert not published.is_celeba("celeba-64-synthetic")
    assert not published.is_celeba("fashion-mnist")


# --- losses --------------------------------------------------------------------------------------


def losses(*parts, subject=FACES):
    recipes = made_up.recipes(subjects=(subject,))
    return tables.loss_table(pd.concat(parts), PUBLISHED, recipes=recipes)


def test_losses_are_means_of_the_lines_of_an_epoch_then_of_seeds():
    table = losses(made_up.lines(), made_up.lines(seed=1))
    first, second = (row_of(table, epoch=epoch) for epoch in (1, 2))
    # Lines 1, 2 and 3, and a tenth more under seed 1: Student's t of one degree of freedom.
    half = math.tan(0.95 * math.pi / 2) * 0.05
    assert ends(first, "loss_d") == pytest.approx([2.05, 2.05 - half, 2.05 + half])
    assert ends(first, "loss_d_halved") == pytest.approx(
        [1.025, 1.025 - half / 2, 1.025 + half / 2]
    )
    assert first["loss_d_seed_std"] == pytest.approx(0.1 / math.sqrt(2))
    assert (first["n_lines"], first["n_seeds"]) == (3, 2)
    assert second["loss_g_mean"] == pytest.approx(10)


def test_the_d_loss_of_the_log_is_shown_as_printed_and_doubled():
    table = losses(made_up.lines(epochs=1))
    assert table["epoch"].tolist() == [1, 2, 3, 4, 5]
    first, last = (row_of(table, epoch=epoch) for epoch in (1, 5))
    assert first["guo2020_loss_d_printed"] == pytest.approx(0.58268, abs=1e-4)
    assert first["guo2020_loss_d"] == pytest.approx(2 * first["guo2020_loss_d_printed"])
    assert (first["guo2020_n_lines"], last["n_lines"], last["n_seeds"]) == (8, 0, 0)
    assert np.isnan(last["loss_d_mean"]) and last["guo2020_loss_g"] == pytest.approx(
        2.566, abs=1e-3
    )
    told = tables.to_markdown(table)
    assert "D loss, halved, Guo et al. 2020" in told and "2 ln 2 = 1.386" in told


@pytest.mark.parametrize("recipe", ["unir", "unir-hinge"])
def test_the_log_stands_beside_nothing_else(recipe):
    table = losses(made_up.lines(recipe))
    assert table["epoch"].tolist() == [1, 2] and set(table["guo2020_loss_d"]) == {NONE}
    # Nor beside what they ran on other images.
    other = losses(made_up.lines(subject=DIGITS), subject=DIGITS)
    assert set(other["guo2020_loss_g"]) == {NONE}


def test_a_training_without_d_has_no_d_loss():
    table = losses(made_up.lines("regress", loss_d=np.nan, loss_adversarial=np.nan))
    assert table["loss_d_mean"].isna().all() and table["loss_g_mean"].notna().all()
    with pytest.raises(ReveilError, match="histories: the table has no rows"):
        losses(made_up.lines().iloc[:0])
    assert set(tables.losses.LOSSES) <= set(LOSSES)


# --- scores --------------------------------------------------------------------------------------


def scored(*parts):
    recipes = made_up.recipes(subjects=(DIGITS, made_up.FACES | {"model": "ambient-celeba"}))
    return tables.score_table(
        pd.concat(parts), PUBLISHED, recipes=recipes, operators=made_up.operators()
    )


def test_a_score_of_one_seed_has_the_interval_of_its_samples():
    row = row_of(scored(made_up.drawn(score=8.0)))
    assert ends(row, "inception_score") == pytest.approx([8.0, 7.8, 8.2])
    assert (row["inception_score_interval"], JACKKNIFE) == (scores.METHOD, scores.METHOD)
    assert (row["n_samples"], row["n_seeds"], row["feature_network"]) == (10_000, 1, "convnet")
    few = made_up.drawn(inception_score_low=np.nan, inception_score_high=np.nan, n_samples=64)
    row = row_of(scored(few))
    assert row["inception_score_interval"] == "none" and np.isnan(row["inception_score_low"])


def test_a_score_of_several_seeds_has_the_interval_over_them():
    row = row_of(scored(made_up.drawn(score=8.0), made_up.drawn(score=7.0, seed=1)))
    half = math.tan(0.95 * math.pi / 2) * 0.5
    assert ends(row, "inception_score") == pytest.approx([7.5, 7.5 - half, 7.5 + half])
    assert row["inception_score_interval"] == "student-t"
    assert row["inception_score_seed_std"] == pytest.approx(math.sqrt(0.5))


def test_a_distance_without_its_network_is_not_available():
    found = made_up.drawn(seed=1, **{DISTANCES[2]: 30.0})
    table = scored(made_up.drawn(), found)
    row = row_of(table)
    assert row[f"{DISTANCES[0]}_mean"] == 12.5
    assert row[f"{DISTANCES[2]}_mean"] == row[f"{DISTANCES[3]}_mean"] == NONE
    assert row[f"{DISTANCES[2]}_interval"] == "none"
    told = tables.to_markdown(table)
    assert "Fréchet distance, Inception, images" in told and NONE in told


def test_scores_stand_beside_those_of_both_sources_at_their_p():
    def beside(recipe, policy):
        row = row_of(scored(made_up.drawn(recipe, policy=policy)))
        return row["share"], row["ambientgan"], row["culley"]

    assert beside("ambientgan", "block-pixels-50") == (0.5, 8.5, 9.35)
    assert beside("ambientgan", "block-pixels-95") == (0.95, 6.5, 7.01)
    assert beside("ignore", "block-pixels-0") == (0, 9.0, 9.54)
    assert beside("unmeasure-blur", "block-pixels-90") == (0.9, 4.4, NONE)
    assert beside("unmeasure-biharmonic", "block-pixels-90") == (0.9, NONE, 3.63)
    assert beside("ignore", "block-pixels-98") == (0.98, NONE, NONE)
    # Of the same shares removed in another way nothing was published.
    assert beside("ignore", "remove-pixel-dark-50")[1:] == (NONE, NONE)
    clean = row_of(scored(made_up.drawn(policy="identity")))
    assert clean["ambientgan"] == 8.994174 and math.isnan(clean["share"])
    faces = made_up.drawn(dataset="celeba-64", model="ambient-celeba")
    assert row_of(scored(faces))["ambientgan"] == NONE


def test_the_note_says_that_published_scores_are_on_another_scale():
    parts = [made_up.drawn(name, policy=f"block-pixels-{p}")
             for p in (90, 10) for name in ("ignore", "ambientgan")]  # fmt: skip
    table = scored(*parts)
    assert table["share"].tolist() == [0.1, 0.9, 0.1, 0.9]
    assert table["recipe"].tolist() == [*2 * ["ambientgan"], *2 * ["ignore"]]
    told = tables.to_markdown(table)
    assert "of MNIST and of the sources' own classifiers" in told
    assert "Bora et al. 2018, score on MNIST" in told and "bora2018: that of Bora" in told


def test_what_is_no_score_is_refused():
    with pytest.raises(ReveilError, match="as they lack inception_score"):
        scored(made_up.reconstructed())
    with pytest.raises(ReveilError, match="would mix scores of convnet, lenetzhu"):
        scored(made_up.drawn(), made_up.drawn(seed=1, feature_network="lenetzhu"))
    with pytest.raises(ReveilError, match="samples: the table has no rows"):
        scored(made_up.drawn().iloc[:0])
    with pytest.raises(ReveilError, match="recipe 'none' draws none"):
        scored(made_up.drawn("none"))
