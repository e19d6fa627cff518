"""What training, search and attacks cost, beside the papers, and what experiments will take."""

import numpy as np
import pandas as pd
import pytest

from reveil import tables
from reveil.errors import ReveilError
from reveil.statistics import mean_interval
from tests.attacked import attack_rows, model_rows, published_rows

PLACE = ("CIFAR-100", "ResNet20-4", None)
PUBLISHED = published_rows(
    ("cost", "drabent2022", *PLACE, "cost_train_200_epochs_minutes", 160),
    ("cost", "drabent2022", *PLACE, "cost_attack_2500_iterations_minutes", 5),
    ("cost", "warmerdam2022", *PLACE, "cost_train_200_epochs_hours", 2),
    ("cost", "warmerdam2022", *PLACE, "cost_attack_100_images_hours", 10),
    ("cost", "warmerdam2022", *PLACE, "cost_search_minutes_per_policy", 1),
).assign(attack=None)
NO_JOBS = pd.DataFrame(columns=["rule", "s", "max_rss", "mean_load", "cpu_time"])


def costs(dataset="cifar100", jobs=NO_JOBS, **how):
    models = model_rows("none", "3-1-7", "28", dataset=dataset).assign(
        epochs=60, train_seconds=[600.0, 660.0, 540.0]
    )
    scores = pd.DataFrame({"seconds": [2.0, 4.0, 0.0, 9.0], "status": ["ok"] * 3 + ["failed"]})
    scores = scores.assign(protocol="fixed", dataset=dataset, model="resnet20-4")
    images = attack_rows("none", [9.0] * 5, dataset=dataset).assign(
        iterations=4800, wall_seconds=[480.0, 480.0, 480.0, 240.0, 240.0]
    )
    images.loc[4, "status"] = "failed"
    return tables.cost_table(models, scores, images, jobs, PUBLISHED, **how)


def row_of(table, quantity):
    (row,) = table[table["quantity"] == quantity].to_dict("records")
    return row


def test_training_costs_by_epoch_and_whole():
    row = row_of(costs(), "seconds_per_epoch")
    expected = mean_interval([10.0, 11.0, 9.0])
    assert (row["value"], row["low"]) == pytest.approx((expected.value, expected.low))
    assert (row["stage"], row["of"], row["n"]) == ("training", "full", 3)
    # 160 minutes over 200 epochs, and 2 hours.
    assert (row["drabent2022"], row["warmerdam2022"]) == pytest.approx((48, 36))
    assert row["original"] == "not available"
    assert row_of(costs(), "seconds_per_training")["value"] == pytest.approx(600)


def test_a_search_costs_by_candidate_drawn():
    row = row_of(costs(), "seconds_per_candidate")
    assert (row["value"], row["n"], row["of"]) == (2.0, 3, "fixed")
    assert (row["warmerdam2022"], row["drabent2022"]) == (60, "not available")


def test_attacks_cost_by_image_and_iteration():
    table = costs()
    # Images worked on together, which have one time, are one measurement.
    row = row_of(table, "seconds_per_image_iteration")
    assert (row["value"], row["n"]) == (pytest.approx((0.1 + 0.05) / 2), 2)
    # 5 minutes over 2,500 iterations, and 10 hours over 100 images of 4,800.
    assert (row["drabent2022"], row["warmerdam2022"]) == pytest.approx((0.12, 0.075))
    assert row_of(table, "seconds_per_image")["value"] == pytest.approx(360)
    restarted = row_of(costs(restarts={"inversed": 2}), "seconds_per_image_iteration")
    assert restarted["value"] == pytest.approx(0.0375)


def test_published_timings_belong_to_one_dataset():
    row = row_of(costs("fashion-mnist"), "seconds_per_epoch")
    assert row["drabent2022"] == row["warmerdam2022"] == "not available"


def benchmark(path, *rows):
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def test_benchmarks_of_jobs_are_summed_by_rule(tmp_path):
    files = {
        benchmark(tmp_path / "a.tsv", "3600.0\t1:00:00\t900\t1\t1\t1\t0\t0\t150.0\t5400"): {
            "rule": "train_model", "policy": "none",
        },
        benchmark(tmp_path / "b.tsv", "1800.0\t0:30:00\t1100\t1\t1\t1\t0\t0\t50.0\t900"): {
            "rule": "train_model", "policy": "39",
        },
        benchmark(tmp_path / "c.tsv", "0.5\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\t-\t0.0"): {
            "rule": "define_policy",
        },
    }  # fmt: skip
    jobs = tables.read_benchmarks(files)
    assert jobs["s"].tolist() == [3600.0, 1800.0, 0.5]
    assert np.isnan(jobs["max_rss"].iloc[2])
    table = costs(jobs=jobs)
    mine = table[table["of"] == "train_model"].set_index("quantity")["value"].to_dict()
    assert mine == pytest.approx(
        {"hours": 1.5, "cpu_hours": 1.75, "max_rss_mb": 1100, "mean_load_pct": 100}
    )
    assert (table[table["of"] == "train_model"]["n"] == 2).all()


def test_a_file_that_is_no_benchmark_is_named(tmp_path):
    path = tmp_path / "odd.tsv"
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(ReveilError, match=r"odd\.tsv: no benchmark.*'s'"):
        tables.read_benchmarks({str(path): {"rule": "x"}})
    with pytest.raises(ReveilError, match=r"missing\.tsv: cannot be read"):
        tables.read_benchmarks({str(tmp_path / "missing.tsv"): {"rule": "x"}})
    assert tables.read_benchmarks({}).empty


def units(**changes):
    work = pd.DataFrame(
        [
            ("exp03", "training", "full", 120),
            ("exp03", "attack", "inversed", 100 * 4800),
            ("search", "search", "fixed", 1500),
        ],
        columns=["experiment", "stage", "of", "units"],
    ).assign(dataset="cifar100", model="resnet20-4")
    return work.assign(**changes)


def test_hours_of_experiments_by_hand():
    table = tables.gpu_hours(costs(), units()).set_index("experiment")
    # 120 epochs of 10 s and 480,000 image iterations of 0.075 s: 37,200 s.
    assert table.loc["exp03", "value"] == pytest.approx(37_200 / 3600)
    assert table.loc["exp03", "n"] == 2
    assert table.loc["search", "value"] == pytest.approx(3000 / 3600)
    epoch, step = mean_interval([10.0, 11.0, 9.0]), mean_interval([0.1, 0.05])
    low = (120 * epoch.low + 480_000 * step.low) / 3600
    assert table.loc["exp03", "low"] == pytest.approx(low)
    assert "| exp03 | Hours | 10.33 [" in tables.to_markdown(table.reset_index())


def test_work_that_was_not_measured_has_no_hours():
    table = tables.gpu_hours(costs(), units(model="convnet"))
    assert table["value"].isna().all() and len(table) == 2
    with pytest.raises(ReveilError, match="stage: 'trainings'.*did you mean 'training'"):
        tables.gpu_hours(costs(), units(stage="trainings"))


def test_costs_render_with_and_without_a_dataset(tmp_path):
    jobs = pd.DataFrame([{"rule": "r", "s": 1.0, "max_rss": 1.0, "mean_load": 1, "cpu_time": 1}])
    table = costs(jobs=jobs)
    table.to_csv(tmp_path / "cost.csv", index=False)
    back = pd.read_csv(tmp_path / "cost.csv", keep_default_na=False, na_values=[""])
    text = tables.to_markdown(table)
    assert tables.to_markdown(back) == text
    assert "| CIFAR-100 | ResNet20-4 | training | full | Seconds an epoch | 10 [" in text
    assert "|  |  | job | r | Hours of all jobs |" in text
