"""What training, search and attacks cost, beside the papers, and what experiments will take."""

import json

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


def test_a_preloaded_job_says_itself_what_memory_and_processor_it_took(tmp_path):
    path = tmp_path / "a.tsv"
    named = {benchmark(path, "4.0\t0:00:04\t10\t1\t1\t1\t0\t0\t1.0\t0.02"): {"rule": "x"}}
    note = {"preloaded": True, "cpu_seconds": 3.0, "peak_mb": 400.5}
    path.with_suffix(".json").write_text(json.dumps(note))
    (job,) = tables.read_benchmarks(named).to_dict("records")
    assert job == {"s": 4.0, "max_rss": 400.5, "mean_load": 75.0, "cpu_time": 3.0, "rule": "x"}
    for other in ({**note, "preloaded": False}, {"preloaded": True}, [], None):
        path.with_suffix(".json").write_text(json.dumps(other))
        assert tables.read_benchmarks(named)["max_rss"].tolist() == [10.0]
    path.with_suffix(".json").unlink()
    assert tables.read_benchmarks(named)["cpu_time"].tolist() == [0.02]


def test_a_file_that_is_no_benchmark_is_named(tmp_path):
    path = tmp_path / "odd.tsv"
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(ReveilError, match=r"odd\.tsv: no benchmark.*'s'"):
        tables.read_benchmarks({str(path): {"rule": "x"}})
    with pytest.raises(ReveilError, match=r"missing\.tsv: cannot be read"):
        tables.read_benchmarks({str(tmp_path / "missing.tsv"): {"rule": "x"}})
    assert tables.read_benchmarks({}).empty


def units(*more, **changes):
    work = pd.DataFrame(
        [
            ("exp03", "training", "full", 120, 50_000),
            ("exp03", "attack", "inversed", 100 * 4800, None),
            ("search", "search", "fixed", 1500, None),
            *more,
        ],
        columns=["experiment", "stage", "of", "units", "images"],
    ).assign(dataset="cifar100", model="resnet20-4")
    return work.assign(**changes)


def hours_of(*kinds, measured=None):
    """Return the row of an experiment of these kinds of work."""
    if measured is None:
        measured = pd.concat([costs(), costs("fashion-mnist")], ignore_index=True)
    table = tables.gpu_hours(measured, units(*[("own", *kind) for kind in kinds]))
    return table.set_index("experiment").loc["own"]


def test_hours_of_experiments_by_hand():
    table = tables.gpu_hours(costs(), units()).set_index("experiment")
    # 120 epochs of 10 s and 480,000 image iterations of 0.075 s: 37,200 s.
    assert table.loc["exp03", "value"] == pytest.approx(37_200 / 3600)
    assert table.loc["exp03", "n"] == 2
    assert table.loc["search", "value"] == pytest.approx(3000 / 3600)
    assert table["assumed"].tolist() == [0, 0]
    epoch, step = mean_interval([10.0, 11.0, 9.0]), mean_interval([0.1, 0.05])
    # Two measurements leave an interval that reaches below no time at all.
    assert step.low < 0 < epoch.low
    assert row_of(costs(), "seconds_per_image_iteration")["low"] == 0
    assert table.loc["exp03", "low"] == pytest.approx(120 * epoch.low / 3600)
    high = (120 * epoch.high + 480_000 * step.high) / 3600
    assert table.loc["exp03", "high"] == pytest.approx(high)
    assert "| exp03 | Hours | 10.33 [" in tables.to_markdown(table.reset_index())


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        (("attack", "zhu", 1000, None), 75),
        (("search", "drabent2022", 10, None), 20),
        (("training", "full-after-100", 0.5, 50_000), 5),
        (("training", "full-with-prune-70-after-100", 3, 50_000), 30),
        # A tenth of the images an epoch.
        (("training", "tiny", 60, 5_000), 60),
    ],
    ids=["attack", "search", "after", "with", "tiny"],
)
def test_work_of_another_kind_is_taken_from_the_nearest(kind, seconds):
    row = hours_of(kind)
    assert row["value"] == pytest.approx(seconds / 3600)
    assert (row["n"], row["assumed"]) == (1, 1)
    assert row["title"] == "Hours, 1 of 1 kinds of work taken from another kind"
    both = hours_of(kind, ("training", "full", 36, 50_000))
    assert both["value"] == pytest.approx((seconds + 360) / 3600)
    assert (both["n"], both["assumed"]) == (2, 1)


def test_of_several_measured_kinds_the_nearest_stands_in():
    epochs = {"full": 10.0, "tiny": 2.0, "tiny-wide": 8.0}
    measured = pd.DataFrame(
        [
            *(("training", of, "seconds_per_epoch", value) for of, value in epochs.items()),
            ("search", "fixed", "seconds_per_candidate", 2.0),
            ("search", "drabent2022", "seconds_per_candidate", 3.0),
            ("attack", "zhu", "seconds_per_image_iteration", 1.0),
        ],
        columns=["stage", "of", "quantity", "value"],
    ).assign(dataset="cifar100", model="resnet20-4", low=1.0, high=np.nan)
    known = [("training", "tiny", 0, 5_000), ("training", "tiny-wide", 0, 50_000)]

    def value(*kind):
        return hours_of(*known, kind, measured=measured)["value"] * 3600

    # Its own recipe, though another sees as many images.
    assert value("training", "tiny-with-prune-70", 1, 50_000) == pytest.approx(20)
    assert value("training", "tiny-wide-after-9", 1, 50_000) == pytest.approx(8)
    # Otherwise as many images, and of equals the first by name.
    assert value("training", "small", 1, 10_000) == pytest.approx(4)
    assert value("training", "large", 1, 40_000) == pytest.approx(8)
    # The slowest search, and no attack but the common one.
    assert value("search", "warmerdam2022", 1, None) == pytest.approx(3)
    row = hours_of(*known, ("attack", "inversed-lbfgs-sim", 1, None), measured=measured)
    assert np.isnan(row["value"]) and row["title"] == "Hours"
    # One end that does not exist leaves no interval.
    assert hours_of(("search", "fixed", 1, None), measured=measured)["interval"] == "none"


def test_work_of_a_place_that_was_not_measured_has_no_hours():
    table = tables.gpu_hours(costs(), units(model="convnet"))
    assert table["value"].isna().all() and len(table) == 2
    assert table["interval"].tolist() == ["none", "none"] and table["assumed"].tolist() == [0, 0]
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
