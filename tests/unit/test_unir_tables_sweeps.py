"""The tables of unir that vary one setting: which rows they are of, and what these differ from."""

import numpy as np
import pandas as pd
import pytest

from reveil.errors import ReveilError
from reveil.unir import tables
from reveil.unir.tables.varied import SWEEPS
from tests import unir_tables as made_up

FOUR = np.array([18.0, 19.0, 20.0, 21.0])
DARK = "remove-pixel-dark-"


def sweep(name, *images, models=None, recipes=None):
    images = pd.concat(images, ignore_index=True)
    if models is None:
        keys = ["dataset", "model", "policy", "recipe", "seed"]
        found = images.loc[images["recipe"] != "none", keys].drop_duplicates()
        models = pd.concat([made_up.network(**row) for row in found.to_dict("records")])
    recipes = made_up.recipes() if recipes is None else recipes
    return tables.sweep_table(
        images, models, sweep=name, recipes=recipes, operators=made_up.operators()
    )


def column(table, name, by="method"):
    return dict(zip(table[by], table[name], strict=True))


def difference(table, by="method"):
    return column(table, "reference_psnr_difference_mean_db", by)


def test_the_rate_is_that_of_the_operator_and_differences_are_to_y():
    images = [
        made_up.reconstructed(name, FOUR - number - (5 if name == "keep" else 0), policy=DARK + p)
        for number, p in enumerate(("95", "50", "10"))
        for name in ("keep", "unir", "tv")
    ]
    table = sweep("rate", *images, made_up.reconstructed(policy="patch-band"))
    assert set(table["family"]) == {"remove-pixel-dark"}
    own = table[table["method"] == "unir"]
    assert own["share"].tolist() == [0.1, 0.5, 0.95]
    assert own["psnr_mean_db"].tolist() == pytest.approx([17.5, 18.5, 19.5])
    assert own["reference_psnr_difference_mean_db"].tolist() == pytest.approx([5, 5, 5])
    assert set(own["reference"]) == {"Measurement as it is"}
    kept = table[table["method"] == "keep"]
    assert (kept["reference"] == "").all() and (kept["reference_n"] == 0).all()


def test_lambda_0_is_conditional_ambientgan():
    names = {"unir": 2, "cond-ambient": 0, "unir-weight-10": 3, "unir-weight-0": 0.5}
    images = [made_up.reconstructed(name, FOUR + more) for name, more in names.items()]
    other = [made_up.reconstructed(name) for name in ("unir-hinge", "keep", "splitting")]
    table = sweep("lambda", *images, *other)
    assert column(table, "weight") == {
        "cond-ambient": 0, "unir-weight-0": 0, "unir": 2, "unir-weight-10": 10
    }  # fmt: skip
    assert table["weight"].is_monotonic_increasing
    assert table["ambient"].tolist() == ["yes", "yes", "", ""]
    assert difference(table)["unir-weight-10"] == pytest.approx(1)
    assert difference(table)["cond-ambient"] == pytest.approx(-2)
    assert np.isnan(difference(table)["unir"])


def test_the_size_is_told_by_the_networks_and_compared_with_the_most():
    counts = {"unir": 60_000, "unir-1k": 1_000, "regress": 5_000}
    images = [made_up.reconstructed(name, FOUR - (name != "unir")) for name in counts]
    models = pd.concat([made_up.network(name, n_train=n) for name, n in counts.items()])
    table = sweep("size", *images, made_up.reconstructed("keep"), models=models)
    assert column(table, "n_train") == counts
    assert column(table, "reference") == {"unir": "", "unir-1k": "UNIR", "regress": ""}
    assert difference(table)["unir-1k"] == pytest.approx(-1)


def test_a_false_assumption_is_compared_with_the_true_one():
    known = made_up.operators()
    assumed = {
        # As the preset names it, or as it is trained with.
        "unir-assumed-30": {"assumed": DARK + "30"},
        "unir-assumed-50": {"assumed": known[DARK + "50"]},
        "unir-assumed-blur": {"assumed": known["convolve-noise"]},
    }
    recipes = made_up.recipes("unir", "regress", **assumed)
    images = [made_up.reconstructed(name, FOUR - 2) for name in assumed]
    regressed = made_up.reconstructed("regress")
    table = sweep("assumed", *images, regressed, recipes=recipes)
    assert column(table, "assumed_share")["unir-assumed-30"] == 0.3
    assert column(table, "true_share") == dict.fromkeys(assumed, 0.5)
    assert column(table, "assumed_kind")["unir-assumed-blur"] == "blur"
    assert column(table, "assumption") == {
        "unir-assumed-30": "false", "unir-assumed-50": "true", "unir-assumed-blur": "false"
    }  # fmt: skip
    assert difference(table)["unir-assumed-30"] == pytest.approx(0)
    # Of two that are true the plain one is compared with.
    table = sweep("assumed", *images, made_up.reconstructed(psnr=FOUR), recipes=recipes)
    assert difference(table)["unir-assumed-blur"] == pytest.approx(-2)
    assert np.isnan(difference(table)["unir-assumed-50"])


def test_fresh_corruption_is_compared_with_fixed():
    images = (
        made_up.reconstructed(psnr=FOUR),
        made_up.reconstructed("unir-fresh", FOUR + 1.5),
        made_up.reconstructed("cond-ambient", FOUR - 3),
    )
    table = sweep("corruption", *images)
    assert column(table, "corruption")["unir-fresh"] == "fresh"
    assert difference(table)["unir-fresh"] == pytest.approx(1.5)
    assert np.isnan(difference(table)["cond-ambient"])


def test_switches_say_what_they_change_beside_the_released_code():
    names = ("unir", "unir-detach-both", "unir-own-noise", "unir-released", "keep")
    other = made_up.reconstructed("unir-weight-10"), made_up.reconstructed("tv")
    images = [made_up.reconstructed(name, FOUR - number) for number, name in enumerate(names)]
    table = sweep("switches", *images, *other)
    assert set(table["method"]) == set(names)
    assert column(table, "changed")["unir-detach-both"] == "lik_detach = both"
    assert column(table, "changed")["unir-own-noise"] == "lik_share_noise = False"
    assert column(table, "d_input")["unir-released"] == "reconstruction"
    assert column(table, "d_input")["unir"] == "remeasured"
    assert column(table, "lik_share_noise")["unir-own-noise"] == "no"
    assert difference(table)["unir-released"] == pytest.approx(-3)
    assert difference(table)["keep"] == pytest.approx(-4)


def test_stabilisers_show_their_seeds_and_last_losses():
    more = {"unir-average": {"ema": 0.995}}
    recipes = made_up.recipes("unir", "unir-hinge", "unir-weight-10", **more)
    images = [
        made_up.reconstructed(name, FOUR + bonus + 0.5 * seed, seed=seed)
        for name, bonus in (("unir", 0), ("unir-hinge", 1), ("unir-weight-10", 2))
        for seed in (0, 1, 2)
    ]
    averaged = made_up.reconstructed("unir-average", FOUR, attack="network-averaged")
    table = sweep("stabilisers", *images, averaged, recipes=recipes)
    assert set(table["recipe"]) == {"unir", "unir-hinge", "unir-average"}
    row = table[table["method"] == "unir-hinge"].iloc[0]
    assert (row["gan_loss"], row["spectral_norm"]) == ("hinge", "critic")
    assert row["changed"] == "gan_loss = hinge, spectral_norm = critic"
    assert (row["psnr_seed_min_db"], row["psnr_seed_max_db"]) == pytest.approx((20.5, 21.5))
    assert row["loss_d_mean"] == pytest.approx(1.32)
    assert row["loss_d_seed_std"] == pytest.approx(0.02)
    assert row["reference_psnr_difference_mean_db"] == pytest.approx(1)
    assert column(table, "ema", "recipe")["unir-average"] == 0.995


def test_the_likelihood_is_what_a_generator_has_more_than_without_it():
    variational = made_up.SUBJECT | {"model": "variational"}
    recipes = made_up.recipes(subjects=(made_up.SUBJECT, variational))
    images = [
        made_up.reconstructed(name, FOUR + more, subject=subject)
        for subject, gain in ((made_up.SUBJECT, 2), (variational, 0.5))
        for name, more in (("unir", gain), ("cond-ambient", 0))
    ]
    table = sweep("likelihood", *images, recipes=recipes)
    with_it = table[table["likelihood"] == "yes"]
    assert with_it["generator"].tolist() == ["unet", "variational"]
    assert list(with_it["reference_psnr_difference_mean_db"]) == pytest.approx([2, 0.5])
    assert set(with_it["reference"]) == {"Conditional AmbientGAN"}
    without = table[table["likelihood"] == "no"]
    assert (without["weight"] == 0).all() and (without["reference_n"] == 0).all()


def test_without_a_plain_recipe_nothing_is_known_to_be_different():
    recipes = made_up.recipes("unir-hinge", "unir-weight-10")
    images = made_up.reconstructed("unir-hinge"), made_up.reconstructed("unir-weight-10")
    assert len(sweep("lambda", *images, recipes=recipes)) == 2
    assert len(sweep("lambda", *images, made_up.reconstructed())) == 2


def test_the_plain_recipe_of_a_reports_protocol_has_its_name():
    recipes = made_up.recipes(**{"unir-pajot2019": {"gan_loss": "least-squares"}})
    images = [
        made_up.reconstructed(name, FOUR + more, protocol="pajot2019")
        for name, more in (("unir-pajot2019", 0), ("unir-hinge", 1))
    ]
    table = sweep("stabilisers", *images, recipes=recipes)
    assert difference(table)["unir-hinge"] == pytest.approx(1)


def test_what_is_no_sweep_is_refused():
    with pytest.raises(ReveilError, match="sweep: 'pears' is not allowed.*lambda"):
        sweep("pears", made_up.reconstructed())
    with pytest.raises(ReveilError, match="no row of the sweep 'rate', operators that remove"):
        sweep("rate", made_up.reconstructed(policy="patch-band"))
    with pytest.raises(ReveilError, match="operators: 'pears' is not allowed"):
        sweep("rate", made_up.reconstructed(policy="pears"))


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_is_shown_with_a_note_on_its_differences(name):
    table = sweep(name, made_up.reconstructed(), made_up.reconstructed("keep"))
    told = tables.to_markdown(table)
    assert "Differences: " in told.splitlines()[-1]
    assert "PSNR, dB [95 %]" in told.splitlines()[0] and "nan" not in told
    shown = [column.needs for column in SWEEPS[name].columns]
    assert set(shown) <= set(table.columns)
