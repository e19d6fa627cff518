"""Every experiment's rows find their published numbers in the file that holds them."""

from pathlib import Path

import pytest

from reveil import rows
from reveil.tables.published import published_columns, published_row

PUBLISHED = rows.read(Path(__file__).resolve().parents[2] / "config/published.csv")
CIFAR = ("cifar100", "resnet20-4")
F_MNIST = ("fashion-mnist", "resnet20-1")
CONVNETS = ("cifar100", "convnet-9"), ("fashion-mnist", "convnet")
TINY = ("tiny-imagenet-200", "resnet20-4")
INSIGHT = "ats-w-insight1"
WAR = "warmerdam2022"
HYBRID = "3-1-7+43-18-18"


@pytest.mark.parametrize(
    ("experiment", "source", "place", "policy", "attack", "defence", "value"),
    [
        ("ats-exp03", "original", CIFAR, "none", "inversed", "none", 13.88),
        ("ats-exp03", "drabent2022", CONVNETS[0], "7-4-15", "inversed", "none", 10.31),
        ("ats-exp04", "drabent2022", CIFAR, "none", "inversed", "laplacian-1e-2", 12.03),
        ("ats-exp05", "drabent2022", CIFAR, HYBRID, "inversed-lbfgs-sim", "none", 7.47),
        ("ats-exp05", "drabent2022", CIFAR, "none", "inversed-adam-l2", "none", 9.28),
        ("ats-exp05", "drabent2022", CIFAR, "none", "inversed-sgd-sim", "none", 12.60),
        ("ats-exp05b", "drabent2022", CIFAR, "3-1-7", "inversefed-default", "none", 8.47),
        ("ats-exp06", "drabent2022", CONVNETS[1], "21-13-3", "inversed", "none", 9.99),
        ("ats-exp08", "drabent2022", CIFAR, "19-1-18", "inversed-traced", "none", 11.85),
        ("ats-ext01", "drabent2022", TINY, HYBRID, "inversed", "none", 7.92),
        ("ats-w-claim2", WAR, F_MNIST, "2-43-21", "inversed", "none", 7.94),
        (INSIGHT, WAR, CIFAR, "43-18-18", "inversed-translation", "none", 10.34),
        (INSIGHT, WAR, CIFAR, "none", "inversed-translation", "none", None),
        ("ats-exp02", "drabent2022", CIFAR, "none", "inversed", "none", None),
        ("ats-exp04", "original", CIFAR, "none", "inversed", "prune-70", None),
    ],
)  # fmt: skip
def test_psnr(experiment, source, place, policy, attack, defence, value):
    keys = dict(zip(("dataset", "model"), place, strict=True))
    row = published_row(
        PUBLISHED, experiment, source, "psnr_db", **keys,
        policy=policy, attack=attack, defence=defence,
    )  # fmt: skip
    assert (None if row is None else row["value"]) == value


@pytest.mark.parametrize(
    ("experiments", "metric", "policy", "values"),
    [
        (("ats-exp10", "ats-w-claim1"), "pearson_r", None, (0.697, 0.123, -0.008)),
        (("ats-exp10", "ats-w-claim1"), "spearman_r", None, (None, None, -0.163)),
        ("ats-w-insight2", "s_pri", "none", (None, None, 0.32)),
        ("ats-w-insight2", "s_pri", "random policies (mean)", (None, None, 0.38)),
        ("ats-w-insight3", "s_pri", "3", (None, None, 0.262)),
        ("ats-exp09", "top5_overlap_with_original", None, (None, 4, None)),
        ("cost", "cost_train_200_epochs_minutes", None, (None, 160, None)),
    ],
)
def test_other_numbers_on_cifar_100(experiments, metric, policy, values):
    keys = {"dataset": "cifar100", "model": "resnet20-4", "policy": policy}
    found = published_columns(PUBLISHED, experiments, metric, **keys)
    wanted = ("not available" if value is None else value for value in values)
    assert tuple(found.values()) == tuple(wanted)


def test_made_up_data_has_no_published_numbers():
    keys = {"dataset": "cifar100-synthetic", "model": "resnet20-4", "policy": "none"}
    found = published_columns(PUBLISHED, "ats-exp03", "psnr_db", **keys)
    assert set(found.values()) == {"not available"}


def test_each_of_the_50_single_transformations_has_a_published_score():
    keys = {"dataset": "cifar100", "model": "resnet20-4"}
    for index in range(50):
        row = published_row(
            PUBLISHED, "ats-w-insight3", "warmerdam2022", "s_pri", policy=str(index), **keys
        )
        assert 0.2 < row["value"] < 0.5 and row["std"] > 0
