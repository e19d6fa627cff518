"""Every row of cvnn finds the published number that belongs beside it, in both units."""

import math

import pandas as pd
import pytest

from reveil import rows
from reveil.cvnn import tables
from reveil.cvnn.tables.labels import attack_label, attack_order, policy_label, policy_order
from reveil.cvnn.tables.published import (
    ANGLE,
    CLASSIFICATION,
    MINUTES,
    MSE,
    RECONSTRUCTION,
    RMSE,
    error_columns,
    find,
    printed,
    value_columns,
)
from reveil.errors import ReveilError
from reveil.tables.labels import model_title
from tests import cvnn_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
NONE = "not available"


def value(experiments, source, metric, **keys):
    row = find(PUBLISHED, experiments, source, metric, **{"dataset": "cifar10", **keys})
    return None if row is None else row["value"]


@pytest.mark.parametrize(
    ("experiment", "source", "model", "policy", "attack", "expected"),
    [
        ("cvnn-exp02", "original", "resnet32-alpha", "rotation", "inversion1", 0.2569),
        ("cvnn-exp02", "knijff2021", "resnet32-alpha", "report-old", "inversion1-regressed",
         0.0277),
        ("cvnn-exp02", "knijff2021", "lenet-report", "report-clip", "inversion1", 0.1499),
        ("cvnn-exp03", "knijff2021", "resnet110-beta", "report-old", "inversion2-report", 0.0321),
        ("cvnn-exp03", "original", "resnet56-beta-authors", "released",
         "inversion2-separate", 0.2358),
        ("cvnn-ext02", "original", "lenet-authors", "none", "inversion1", 0.0769),
        # Variants, other attacks and other widths have no published number.
        ("cvnn-exp02", "original", "resnet32-alpha", "rotation-swap", "inversion1", None),
        ("cvnn-exp02", "original", "resnet32-alpha", "none", "inversion1", None),
        ("cvnn-exp02", "original", "resnet32-alpha", "rotation", "two-image", None),
        ("cvnn-exp02", "original", "resnet32-alpha-w8", "rotation", "inversion1", None),
    ],
)  # fmt: skip
def test_reconstruction_errors(experiment, source, model, policy, attack, expected):
    keys = {"model": model, "policy": policy, "attack": attack}
    assert value(experiment, source, RECONSTRUCTION, **keys) == expected


def test_the_experiment_named_first_decides_where_two_numbers_are_quoted():
    keys = {"model": "lenet-authors", "policy": "rotation", "attack": "inversion2-joint"}
    first = value(["cvnn-exp03", "cvnn-ext02"], "original", RECONSTRUCTION, **keys)
    other = value(["cvnn-ext02", "cvnn-exp03"], "original", RECONSTRUCTION, **keys)
    assert (first, other) == (0.1027, 0.2353)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", 19.78),
        ("additional", 21.52),
        ("noisy-20", 24.15),
        ("noisy-50-shared", 27.53),
        ("noisy-100", 34.43),
        ("rotation", 17.95),
    ],
)
def test_classification_errors_are_those_of_the_kind_of_network(policy, expected):
    experiments = ["cvnn-exp04", "cvnn-ext01"]
    keys = {"model": "lenet-authors", "policy": policy}
    assert value(experiments, "original", CLASSIFICATION, **keys) == expected
    assert value("cvnn-ext01", "original", CLASSIFICATION, **keys, dataset="cifar100") is not None
    synthetic = value_columns(
        PUBLISHED, experiments, CLASSIFICATION, **keys, dataset="cifar10-synthetic"
    )
    assert set(synthetic.values()) == {NONE}


def test_angles_and_minutes():
    keys = {"model": "resnet44-alpha", "policy": "rotation"}
    assert value("cvnn-ext03", "original", ANGLE, attack="inversion1", **keys) == 0.8411
    assert value("cvnn-ext03", "original", ANGLE, attack="blind-ica", **keys) is None
    for dataset in ("cifar10", "cifar100"):
        assert value("cvnn-exp01", "knijff2021", MINUTES, dataset=dataset, **keys) == 195
    assert value("cvnn-exp01", "knijff2021", MINUTES, dataset="fashion-mnist", **keys) is None


def test_sources_of_other_studies_have_no_numbers_here():
    with pytest.raises(ReveilError, match="source: 'drabent2022' .*original, knijff2021"):
        find(
            PUBLISHED, "cvnn-exp02", "drabent2022", RECONSTRUCTION, dataset="cifar10", model="vgg16"
        )


@pytest.mark.parametrize(
    ("source", "note", "number", "unit", "rmse", "mse"),
    [
        ("knijff2021", "MSE with pixels in [-1;1]; RMSE in [0;1] = sqrt(value)/2", 0.0277, MSE,
         0.08322, 0.0277),
        ("original", "RMSE with pixels in [0;1]", 0.2508, RMSE, 0.2508, 0.25160),
        ("original", "no unit said", 0.0769, RMSE, 0.0769, 0.023654),
        # A note outweighs the habit of its source.
        ("original", "MSE with pixels in [-1;1]", 0.16, MSE, 0.2, 0.16),
        ("someone", "RMSE with pixels in [0;1]", 0.2, RMSE, 0.2, 0.16),
    ],
)  # fmt: skip
def test_an_error_is_told_in_both_units(source, note, number, unit, rmse, mse):
    error = printed(pd.Series({"source": source, "note": note, "value": number}))
    assert (error.value, error.unit) == (number, unit)
    assert (error.rmse, error.mse_pm1) == pytest.approx((rmse, mse), rel=1e-4)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ReveilError, match="source: 'someone'"):
        printed(pd.Series({"source": "someone", "note": "", "value": 0.1}))


def test_columns_of_errors_say_the_unit_as_printed():
    keys = {"dataset": "cifar10", "model": "resnet32-alpha", "policy": "rotation"}
    found = error_columns(PUBLISHED, "cvnn-exp02", attack="inversion1", **keys)
    assert (found["original_printed"], found["original_unit"]) == (0.2569, RMSE)
    assert found["knijff2021_rmse"] == pytest.approx(math.sqrt(0.0277) / 2)
    nothing = error_columns(PUBLISHED, "cvnn-exp02", attack="knn-1", **keys)
    assert set(nothing.values()) == {NONE}


def test_all_published_errors_stand_in_both_units():
    table = tables.unit_table(PUBLISHED)
    count = PUBLISHED["study"].eq("cvnn") & PUBLISHED["metric"].eq(RECONSTRUCTION)
    assert len(table) == count.sum() == 42
    assert table["published_mse_pm1"].to_numpy() == pytest.approx(
        4 * table["published_rmse"].to_numpy() ** 2
    )
    lenet = table[table["published_model"].eq("LeNet") & table["source"].eq("knijff2021")]
    # Methods, section 3.5: 0.194 and 0.176.
    assert lenet["published_rmse"].round(3).tolist() == [0.194, 0.176]
    first = table.iloc[0]
    assert first["mean_colour_ratio"] == pytest.approx(0.2405 / 0.2508, abs=2e-4)
    assert first["blend_ratio"] == pytest.approx(0.2405 / 0.1773, abs=2e-3)
    cifar100 = table[table["published_dataset"] == "CIFAR-100"]
    assert len(cifar100) == 4 and cifar100["mean_colour_ratio"].isna().all()


def test_ours_stand_beside_each_published_error_that_they_belong_to():
    ours = tables.inversion_table(
        made_up.study(("none", "rotation")), made_up.networks(), PUBLISHED, experiment="cvnn-exp02"
    )
    table = tables.unit_table(PUBLISHED, ours)
    beside = table[table["n_images"] > 0]
    assert beside["experiment"].tolist() == ["cvnn-exp02", "cvnn-exp02", "cvnn-exp03", "cvnn-exp03"]
    assert set(beside["published_model"]) == {"ResNet-32-alpha"}
    assert beside["attack_label"].iloc[0] == "Inversion 1"
    assert len(table) == 42
    text = tables.to_markdown(table)
    assert "ResNet-32-alpha | Rotation | Inversion 1 | 0.133 [" in text


def test_there_must_be_a_published_error():
    with pytest.raises(ReveilError, match="no row of the metric reconstruction_error"):
        tables.unit_table(PUBLISHED[PUBLISHED["study"] == "ats"])


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("resnet32-alpha", "ResNet-32-alpha"),
        ("resnet110-beta-authors-w8", "ResNet-110-beta (authors' cut, width 8)"),
        ("lenet-report", "LeNet (the report's)"),
        ("lenet-authors-w16", "LeNet (the authors', width 16)"),
        ("vgg16", "VGG-16"),
        ("alexnet-w8", "AlexNet (width 8)"),
        ("resnet20-4", "ResNet20-4"),
    ],
)
def test_models_have_the_papers_names(name, title):
    assert model_title(name) == title


@pytest.mark.parametrize(
    ("folder", "label", "order"),
    [("protections", policy_label, policy_order), ("feature_attacks", attack_label, attack_order)],
)
def test_every_preset_has_a_label_and_a_place(folder, label, order):
    presets = {path.stem for path in (ROOT / "config" / folder).glob("*.yaml")} - {"default"}
    assert [name for name in sorted(presets) if label(name) == name] == []
    assert len({label(name) for name in presets}) == len(presets)
    assert len({order(name)[0] for name in presets}) == len(presets)
    unknown = "a-name-of-nobody"
    assert label(unknown) == unknown
    assert all(order(unknown) > order(name) for name in presets)
