"""Published numbers that stand by themselves are printed beside ours."""

import numpy as np
import pandas as pd
import pytest

from reveil import rows, tables
from reveil.statistics import mean_interval
from reveil.tables.published import published_images
from tests.attacked import JUDGE, attack_rows, model_rows
from tests.figure_tables import single_scores
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
NAMED = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}


def attacked(*settings, **how):
    images = [attack_rows(policy, [9.0, 12.0]).assign(**other) for policy, other in settings]
    return tables.attack_table(
        pd.concat(images), model_rows("none"), PUBLISHED, {"fixed": JUDGE}, **how
    )


def test_other_psnr_of_the_enhanced_attack_stands_beside_it():
    aware = {"attack": "inversed-translation-published"}
    table = attacked(
        ("3-1-7", aware), ("3-1-7", {"attack": "inversed"}), ("none", {"attack": "inversed"}),
        experiment="ats-w-insight1", by=["policy", "attack"],
    )  # fmt: skip
    full = tables.enhanced_columns(table, PUBLISHED).set_index(["policy", "attack"])
    row = full.loc[("3-1-7", aware["attack"])]
    ends = ("unshifted", "aligned", "aligned_area")
    assert [row[f"warmerdam2022_psnr_{end}_db"] for end in ends] == [7.37, 12.34, 9.93]
    assert np.isnan(full.loc[("3-1-7", "inversed"), "warmerdam2022_psnr_aligned_db"])
    assert full.loc[("none", "inversed"), "warmerdam2022_psnr_db"] == 9.94
    text = tables.to_markdown(full.reset_index())
    assert "| Warmerdam et al. 2022 aligned, dB |" in text and "| 12.34 |" in text
    other = tables.enhanced_columns(table.assign(dataset="cifar100-synthetic"), PUBLISHED)
    assert "aligned" not in tables.to_markdown(other)


def test_rows_without_a_defence_take_the_numbers_of_the_main_table():
    table = attacked(
        ("none", {}), ("none", {"defence": "prune-70"}), ("3-1-7+43-18-18", {}),
        experiment=["ats-exp04", "ats-exp03"], by=["policy", "defence"],
    )  # fmt: skip
    assert table["drabent2022_psnr_db"].tolist() == [12.15, 11.62, 8.25]


def test_the_mean_psnr_over_policies_is_that_of_the_attacked_model():
    scores = pd.DataFrame(
        {"policy": ["3-1-7", "3-1-7", "4", "5"], "psnr_db": [8.0, 10.0, 12.0, 15.0], **NAMED}
    ).assign(victim="plain", attack="inversed", seed=[0, 1, 0, 0])
    table = pd.concat([scores, scores.assign(victim="trained")])
    plain, trained = tables.mean_psnr(table, PUBLISHED, "ats-w-claim1").to_dict("records")
    expected = mean_interval(pd.Series([9.0, 12.0, 15.0]))
    found = [plain[name] for name in ("value", "low", "high", "n")]
    assert found == pytest.approx([12, expected.low, expected.high, 3])
    assert plain["warmerdam2022"] == 9.62
    assert trained["warmerdam2022"] == plain["original"] == "not available"


def test_the_papers_policies_have_their_scores_beside_ours():
    scores = pd.DataFrame(
        {"policy": ["3-1-7", "3-1-7", "none"], "s_pri": [0.2, 0.3, 0.4], "s_acc": -70.0}
    ).assign(**NAMED, seed=[0, 1, 0], candidate=range(3), status="ok", group="list")
    grouped = tables.grouped_scores(scores)
    table = tables.named_policies(grouped, PUBLISHED).set_index("quantity")
    ours = table.loc["s_pri_3_1_7"]
    assert (ours["value"], ours["n"], ours["warmerdam2022"]) == (pytest.approx(0.25), 2, 0.2321)
    theirs = table.loc["s_acc_7_4_15"]
    assert np.isnan(theirs["value"]) and (theirs["n"], theirs["warmerdam2022"]) == (0, -71.84)
    assert len(table) == 8
    elsewhere = tables.named_policies(grouped.assign(dataset="fashion-mnist"), PUBLISHED)
    assert set(elsewhere["quantity"]) == {"s_pri_3_1_7", "s_acc_3_1_7"}


@pytest.mark.parametrize(
    ("dataset", "experiment", "beside"),
    [
        ("cifar100", "ats-exp09", "; Drabent et al. 2022: 4"),
        ("tiny-imagenet-200", "ats-ext02", "; Drabent et al. 2022: 3"),
        ("fashion-mnist", "ats-exp09", ""),
    ],
)
def test_the_five_lowest_are_compared_with_those_of_the_paper(dataset, experiment, beside):
    scores = single_scores().assign(dataset=dataset, model="resnet20-4")
    # The lowest functions: 3, 15, 0 (as 29 and 47), 7 and 18; of Gao et al. 3, 15 and 18.
    lowest = {3: 0.1, 15: 0.11, 0: 0.12, 29: 0.12, 47: 0.12, 7: 0.13, 18: 0.14}
    scores["s_pri"] = scores["candidate"].map(lowest).fillna(0.3 + 0.001 * scores["candidate"])
    note = tables.overlap_note(tables.single_table(scores), PUBLISHED, experiment)
    assert "for CIFAR-100, among our five lowest: 3 (" in note
    assert note.endswith(f"ResNet20-4{beside}).")


def test_single_images_have_their_published_psnr():
    found = published_images(
        PUBLISHED, "ats-exp02", "drabent2022", dataset="fashion-mnist", model="convnet-9"
    )
    assert found == {
        ("none", 0): 7.84, ("14-48-48+42-28-42", 0): 7.42, ("none", 1): 7.16,
        ("14-48-48+42-28-42", 1): 6.89, ("none", 2): 10.07, ("14-48-48+42-28-42", 2): 5.28,
    }  # fmt: skip
    other = {"dataset": "fashion-mnist-demo", "model": "convnet-9"}
    assert published_images(PUBLISHED, "ats-exp02", "drabent2022", **other) == {}
