"""The policy table, the tables of the search, and what readers see of them."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from reveil import tables
from reveil.aliases import RANDOM_POLICIES
from reveil.errors import ReveilError
from reveil.library import LIBRARY, function_name
from reveil.statistics import mean_interval, share_interval
from reveil.tables.labels import model_title, policy_label, policy_order
from reveil.tables.published import published_value
from tests.attacked import JUDGE, attack_rows, model_rows, published_rows

PUBLISHED = published_rows(
    ("ats-exp03", "original", "CIFAR-100", "ResNet20-4", "None", "psnr_db", 13.88),
    ("ats-exp03", "original", "CIFAR-100", "ResNet20-4", "None", "accuracy_pct", 76.88),
    ("ats-exp02", "drabent2022", "CIFAR-100", "ResNet20-4", "None", "psnr_db", 11.92),
    ("ats-exp03", "drabent2022", "CIFAR-100", "ResNet20-4", "None", "psnr_db", 12.15),
    ("ats-w-claim2", "warmerdam2022", "Fashion-MNIST", "ResNet20", "None", "psnr_db", 9.71),
    ("ats-exp03", "drabent2022", "Fashion-MNIST", "ConvNet", "42-28-42+14-48-48", "psnr_db", 6.8),
)


def table_of(*parts, models=None, judge=JUDGE, published=PUBLISHED):
    models = model_rows("none", "3-1-7") if models is None else models
    return tables.policy_table(pd.concat(parts, ignore_index=True), models, published,
                               {"fixed": judge})  # fmt: skip


def row_of(table, policy):
    (row,) = table[table["policy"] == policy].to_dict("records")
    return row


def test_rows_stand_in_the_order_of_the_papers():
    names = ["39", "found-fixed-s0-2", "3-1-7+43-18-18", "crop-flip", "43-18-18", "only-3-1-7",
             "found-fixed-s0-1+found-fixed-s0-2", "19-1-18", "none", "3-1-7",
             "found-fixed-s0-1"]  # fmt: skip
    table = table_of(*(attack_rows(name, [8.0, 9.0]) for name in names))
    assert table["label"].tolist() == [
        "None", "None, crop and flip", "Random (19-1-18)", "Searched 1 (3-1-7)",
        "Searched 2 (43-18-18)", "Searched hybrid (3-1-7+43-18-18)", "Found 1", "Found 2",
        "Found hybrid", "39", "Searched 1 (3-1-7), no crop and flip",
    ]  # fmt: skip


def test_means_and_intervals_are_over_images_with_seeds_averaged():
    low, high = np.linspace(9, 11, 10), np.linspace(12, 16, 10)
    row = row_of(table_of(attack_rows("none", low), attack_rows("none", high, seed=1)), "none")
    expected = mean_interval((low + high) / 2)
    assert (row["n_images"], row["n_seeds"], row["n_failed"]) == (10, 2, 0)
    assert row["psnr_mean_db"] == pytest.approx(expected.value)
    assert (row["psnr_low_db"], row["psnr_high_db"]) == pytest.approx((expected.low, expected.high))
    assert row["psnr_std_db"] == pytest.approx((low.std(ddof=1) + high.std(ddof=1)) / 2)
    assert row["psnr_seed_std_db"] == pytest.approx(np.std([10, 14], ddof=1))
    assert row["psnr_max_db"] == 16


def test_the_deviation_follows_the_judge():
    values = [8.0, 9.0, 13.0]
    row = row_of(table_of(attack_rows("none", values), judge=JUDGE | {"std_ddof": 0}), "none")
    assert row["psnr_std_db"] == pytest.approx(np.std(values))


def test_gain_is_measured_from_the_floor_of_each_image():
    rows = attack_rows("none", [10.0, 10.0, 10.0, 10.0])
    rows["floor_db"] = [7.0, 8.0, 12.0, 9.0]
    row = row_of(table_of(rows), "none")
    share = share_interval(0.75, 4)
    assert (row["floor_db"], row["gain_mean_db"]) == pytest.approx((9.0, 1.0))
    assert row["gain_positive_share"] == 0.75
    assert row["gain_positive_low"] == pytest.approx(share.low)


def test_failed_images_are_counted_and_left_out():
    rows = attack_rows("none", [10.0, 10.0, 99.0])
    rows.loc[2, "status"] = "failed"
    row = row_of(table_of(rows), "none")
    assert (row["n_images"], row["n_failed"], row["psnr_mean_db"]) == (2, 1, 10.0)
    rows["status"] = "failed"
    row = row_of(table_of(rows), "none")
    assert (row["n_images"], row["n_failed"]) == (0, 3)
    assert np.isnan(row["psnr_mean_db"])


def test_an_exact_reconstruction_does_not_erase_the_mean():
    row = row_of(table_of(attack_rows("none", [np.inf, 20.0])), "none")
    assert (row["n_exact"], row["psnr_mean_db"]) == (1, 60.0)


def test_an_infinite_floor_counts_as_the_ceiling():
    row = row_of(table_of(attack_rows("none", [20.0, 10.0], floor=np.inf)), "none")
    assert row["gain_mean_db"] == pytest.approx(-85.0)


def test_the_difference_is_paired_and_empty_for_the_baseline():
    base = np.linspace(5, 25, 12)
    table = table_of(attack_rows("none", base), attack_rows("3-1-7", base[:10] - 2))
    row = row_of(table, "3-1-7")
    assert row["difference_n"] == 10
    ends = [row[f"difference_{end}_db"] for end in ("mean", "low", "high")]
    assert ends == pytest.approx([-2, -2, -2])
    assert np.isnan(row_of(table, "none")["difference_mean_db"])


def test_without_the_baseline_row_there_is_no_difference():
    judge = JUDGE | {"baseline": "crop-flip"}
    row = row_of(table_of(attack_rows("none", [8.0, 9.0]), judge=judge), "none")
    assert row["difference_n"] == 0
    assert np.isnan(row["difference_mean_db"])


def test_accuracy_is_that_of_the_model_behind_the_row():
    models = pd.concat([model_rows("none", seeds=(0, 2)), model_rows("3-1-7", clean=60.0)])
    parts = [attack_rows(name, [8.0, 9.0], seed=seed)
             for name in ("none", "crop-flip", "only-3-1-7") for seed in (0, 2)]  # fmt: skip
    table = table_of(*parts, models=models)
    for policy in ("none", "crop-flip"):
        row = row_of(table, policy)
        share = share_interval(0.76, 1000)
        assert (row["n_models"], row["n_test"]) == (2, 1000)
        assert row["accuracy_clean_pct"] == pytest.approx(76)
        assert row["accuracy_clean_low_pct"] == pytest.approx(100 * share.low)
        assert row["accuracy_clean_seed_std_pct"] == pytest.approx(np.sqrt(2))
        assert row["accuracy_transformed_pct"] == pytest.approx(70)
    assert row_of(table, "only-3-1-7")["accuracy_clean_pct"] == pytest.approx(60)


@pytest.mark.parametrize("shown", ["clean", "transformed"])
def test_accuracy_is_shown_as_the_judge_says(shown):
    row = row_of(table_of(attack_rows("none", [8.0]), judge=JUDGE | {"accuracy_on": shown}), "none")
    hidden = {"clean": "transformed", "transformed": "clean"}[shown]
    assert row[f"accuracy_{shown}_pct"] > 0
    assert np.isnan(row[f"accuracy_{hidden}_pct"])


def test_a_row_without_model_has_no_accuracy():
    row = row_of(table_of(attack_rows("39", [8.0])), "39")
    assert row["n_models"] == 0
    assert np.isnan(row["accuracy_clean_pct"])


def test_what_different_seeds_found_is_one_row():
    parts = [attack_rows(f"found-fixed-s{seed}-1", [8.0 + seed], seed=seed) for seed in (0, 1)]
    models = pd.concat([model_rows(f"found-fixed-s{seed}-1", seeds=(seed,)) for seed in (0, 1)])
    (row,) = table_of(*parts, models=models).to_dict("records")
    assert (row["policy"], row["n_seeds"], row["n_models"]) == ("found-1", 2, 2)
    assert row["psnr_mean_db"] == pytest.approx(8.5)


def test_published_values_stand_beside_their_row():
    table = table_of(attack_rows("none", [8.0]), attack_rows("39", [8.0]))
    row = row_of(table, "none")
    assert (row["original_psnr_db"], row["original_accuracy_pct"]) == (13.88, 76.88)
    assert row["drabent2022_psnr_db"] == 12.15
    assert row["drabent2022_accuracy_pct"] == row["warmerdam2022_psnr_db"] == "not available"
    assert row_of(table, "39")["original_psnr_db"] == "not available"


@pytest.mark.parametrize(
    ("source", "dataset", "model", "policy", "expected"),
    [
        ("warmerdam2022", "fashion-mnist", "resnet20-1", "none", 9.71),
        ("warmerdam2022", "fashion-mnist", "resnet20-4", "none", "not available"),
        ("drabent2022", "fashion-mnist", "convnet", "14-48-48+42-28-42", 6.8),
        ("drabent2022", "fashion-mnist", "convnet-9", "14-48-48+42-28-42", 6.8),
        ("drabent2022", "fashion-mnist", "convnet-w16", "14-48-48+42-28-42", "not available"),
        ("drabent2022", "fashion-mnist-demo", "convnet", "14-48-48+42-28-42", "not available"),
    ],
)
def test_published_values_belong_to_one_dataset_and_network(
    source, dataset, model, policy, expected
):
    value = published_value(
        PUBLISHED, source, "psnr_db", dataset=dataset, model=model, policy=policy
    )
    assert value == expected


def test_published_values_belong_to_one_attack():
    keys = {"dataset": "cifar100", "model": "resnet20-4", "policy": "none"}
    value = published_value(PUBLISHED, "original", "psnr_db", attack="zhu", **keys)
    assert value == "not available"


def test_bad_calls_say_what_is_wrong():
    with pytest.raises(ReveilError, match="no rows"):
        table_of(attack_rows("none", []))
    with pytest.raises(ReveilError, match="'fixed'.*no judge.*other"):
        tables.policy_table(
            attack_rows("none", [8.0]), model_rows("none"), PUBLISHED, {"other": {}}
        )
    with pytest.raises(ValueError, match="nobody"):
        published_value(PUBLISHED, "nobody", "psnr_db", dataset="cifar100", model="x", policy="39")


@pytest.mark.parametrize(
    ("name", "title"),
    [("resnet20-4", "ResNet20-4"), ("convnet", "ConvNet"), ("lenetzhu", "LeNetZhu"),
     ("convnet-9-w16", "ConvNet (9 convolutions, width 16)"),
     ("convnet-w16", "ConvNet (width 16)")],
)  # fmt: skip
def test_model_titles(name, title):
    assert model_title(name) == title


def test_labels_follow_dataset_and_model():
    assert policy_label("2-43-21", "fashion-mnist", "resnet20-4") == "Searched 2 (2-43-21)"
    assert policy_label("2-43-21", "cifar100", "resnet20-4") == "2-43-21"
    assert policy_label("found-fixed-s3-1", "cifar100", "convnet") == "Found 1"
    assert policy_label("found-1", "cifar100", "convnet") == "Found 1"
    assert policy_order("none", "cifar100", "convnet") < policy_order("39", "cifar100", "convnet")


@pytest.mark.parametrize(
    ("policy", "label"),
    [
        (RANDOM_POLICIES[9], f"Random 10 ({RANDOM_POLICIES[9]})"),
        ("passing-fixed-s2-3", "Passing 3"),
        ("plain-3-1-7", "Searched 1 (3-1-7), model without policy"),
        ("only-passing-4", "Passing 4, no crop and flip"),
    ],
)
def test_labels_say_where_a_policy_is_from(policy, label):
    assert policy_label(policy, "cifar100", "resnet20-4") == label


def test_random_and_passing_policies_stand_in_their_order():
    wanted = ["3-1-7", "found-2", *RANDOM_POLICIES, "passing-9", "passing-10", "39", "plain-39"]
    found = sorted(reversed(wanted), key=lambda p: policy_order(p, "cifar100", "resnet20-4"))
    assert found == wanted


def singles(scores=None, seeds=(0,)):
    """Return scores of None and the 50 operations; ``scores`` overrides by index."""
    rows = [
        {
            "protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4", "seed": seed,
            "candidate": index, "policy": "none" if index < 0 else str(index),
            "s_pri": (scores or {}).get(index, 0.4) + 0.01 * seed, "s_pri_n": 100,
            "s_pri_low": 0.39, "s_pri_high": 0.41, "s_acc": -67.0, "s_acc_rows": 63.4,
            "status": "ok",
        }
        for seed in seeds
        for index in range(-1, 50)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_functional_groups_of_the_library():
    groups = {operation.index: function_name(operation) for operation in LIBRARY}
    assert len(set(groups.values())) == 28
    assert [i for i, name in groups.items() if name == "identity"] == [28, 39]
    assert sum(name == "equalize" for name in groups.values()) == 9
    assert [i for i, name in groups.items() if name == "translateY 3"] == [24, 42, 43, 48]


def test_singles_are_ranked_with_the_published_marked():
    table = tables.single_table(singles({-1: 0.3, 3: 0.2, 7: 0.25}, seeds=(0, 2)))
    first = table.iloc[0]
    assert len(table) == 50
    assert (first["index"], first["rank"], first["n_seeds"]) == (3, 1, 2)
    assert first["s_pri"] == pytest.approx(0.21)
    assert first["s_pri_difference"] == pytest.approx(-0.1)
    assert table["index"].iloc[1] == 7
    assert set(table.loc[table["top_five_original"], "index"]) == {3, 15, 26, 18, 1}
    assert set(table.loc[table["top_five_drabent2022"], "index"]) == {1, 3, 15, 18, 21}


def test_functional_duplicates_share_a_rank_and_name_each_other():
    table = tables.single_table(singles({0: 0.1, 29: 0.2, 47: 0.3, 3: 0.15})).set_index("index")
    assert table.loc[0, "same_as"] == "29, 47"
    assert table.loc[[0, 29, 47], "rank_distinct"].tolist() == [2, 2, 2]
    assert table.loc[3, "rank_distinct"] == 1
    assert table.loc[0, "rank"] == 1


def test_a_single_that_failed_has_no_rank():
    rows = singles()
    rows.loc[rows["candidate"] == 5, "status"] = "failed"
    last = tables.single_table(rows).iloc[-1]
    assert (last["index"], last["n_failed"]) == (5, 1)
    assert np.isnan(last["s_pri"]) and np.isnan(last["rank"])


def search_scores():
    rows = singles().iloc[1:5].assign(policy=["3-1-7", "43-18-18", "none", "28"])
    rows["passes"] = [True, True, False, True]
    rows["rank"] = [1.0, 3.0, np.nan, 2.0]
    return rows


def test_search_table_lists_the_selected():
    table = tables.search_table(search_scores(), 2)
    assert table["policy"].tolist() == ["3-1-7", "28"]
    assert table["operations"].tolist() == ["translateX 9, contrast 6, translateY 2", "solarize 0"]
    assert table["label"].tolist() == ["Searched 1 (3-1-7)", ""]
    assert (table["n_candidates"].iloc[0], table["n_passing"].iloc[0]) == (4, 3)


def test_a_search_where_nothing_passes_selects_nothing():
    table = tables.search_table(search_scores().assign(passes=False), 2)
    assert len(table) == 0


class Cells(HTMLParser):
    """Collect the cells of an HTML table, row by row."""

    def __init__(self):
        super().__init__()
        self.rows, self.reading = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        self.reading = tag in ("th", "td")

    def handle_data(self, data):
        if self.reading:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        self.reading = False


def rendered():
    failed = attack_rows("3-1-7", [7.0, 7.5, 8.0]).assign(status=["ok", "ok", "diverged"])
    return table_of(attack_rows("none", [12.0, 13.0, 14.0]), failed)


def test_html_and_markdown_say_the_same():
    table = rendered()
    cells = Cells()
    cells.feed(tables.to_html(table))
    lines = tables.to_markdown(table).splitlines()
    markdown = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert cells.rows[0] == markdown[0]
    assert cells.rows[1:] == markdown[2:]
    shown = dict(zip(cells.rows[0], cells.rows[1], strict=True))
    assert shown["Policy"] == "None"
    assert shown["PSNR, dB [95 %]"] == "13.00 [10.52, 15.48]"
    assert shown["Gao et al. 2021"] == "13.88 dB, 76.88 %"
    assert shown["Drabent et al. 2022"] == "12.15 dB, not available"
    assert shown["Warmerdam et al. 2022"] == "not available"


def test_the_note_counts_failures():
    assert "Failed and left out: 1." in tables.to_markdown(rendered())
    assert "Failed and left out: 1." in tables.to_html(rendered())


def test_html_is_ascii_and_escaped():
    table = rendered().assign(label="<b>\N{GREEK SMALL LETTER MU}")
    markup = tables.to_html(table)
    assert markup.isascii()
    assert "&lt;b&gt;&#956;" in markup


def test_a_table_read_back_from_csv_renders_the_same(tmp_path):
    rendered().to_csv(tmp_path / "policies.csv", index=False)
    back = pd.read_csv(tmp_path / "policies.csv", keep_default_na=False, na_values=[""])
    assert tables.to_markdown(back) == tables.to_markdown(rendered())


@pytest.mark.parametrize(
    ("make", "head", "cell"),
    [
        (lambda: tables.single_table(singles({3: 0.2})), "Transformation", "translateX 9"),
        (lambda: tables.search_table(search_scores(), 2), "Operations", "solarize 0"),
    ],
)
def test_the_other_tables_render_too(make, head, cell):
    text = tables.to_markdown(make())
    assert head in text.splitlines()[0]
    assert cell in text
