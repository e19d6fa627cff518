"""Times are measured before scaled before guessed, on the device that is planned for only."""

from copy import deepcopy
from pathlib import Path

import pytest

from reveil.forecast import rates
from reveil.forecast.estimate import GUESSED, MEASURED, SCALED, Estimator, guess
from reveil.forecast.records import Device, read_records
from reveil.forecast.settings import Settings, read_config
from reveil.forecast.work import work_of
from tests.forecasts import CPU, GPU, TRAINED, finished, training

ROOT = Path(__file__).resolve().parents[2]
ON_CPU, ON_GPU = Device(CPU, 1), Device(GPU)


@pytest.fixture(scope="module")
def settings():
    config = read_config(ROOT, ["config/demo.yaml"])
    config["recipes"]["full"] = {"epochs": 2, "batch_size": 64, "holdout": 1000}
    return Settings(config, ROOT)


@pytest.fixture
def told(tmp_path, settings):
    def estimate(device=ON_CPU, job=None):
        job = job or training()
        work = work_of(job.rule, job.wildcards, settings)
        return Estimator(read_records(tmp_path, settings))(job.rule, work, device)

    return estimate


def test_the_loading_of_libraries_is_added_where_the_plan_s_jobs_load_their_own(tmp_path, settings):
    finished(tmp_path, 50.0)
    note = tmp_path / f"logs/demo/train_model/{TRAINED}.json"
    note.write_text('{"preloaded": true}')
    assert [record.seconds for record in read_records(tmp_path, settings)] == [50.0]
    alone = deepcopy(settings.config)
    alone["compute"]["preload"] = False
    (record,) = read_records(tmp_path, Settings(alone, ROOT))
    loading = rates.STARTUP[rates.CPU]
    assert (record.seconds, record.startup) == (50.0 + loading, pytest.approx(2.0 + loading))
    for text in ('{"preloaded": false}', "{}", "[]", "{"):
        note.write_text(text)
        assert read_records(tmp_path, Settings(alone, ROOT))[0].seconds == 50.0


def test_without_records_all_is_guessed(told):
    estimate = told()
    assert estimate.basis == GUESSED
    assert estimate.low < estimate.seconds < estimate.high


def test_a_measured_time_of_the_same_work_is_the_time(tmp_path, told):
    finished(tmp_path, 50.0)
    finished(tmp_path, 70.0, place="fashion-mnist-demo/lenetzhu/3-1-7/full/seed1")
    estimate = told()
    assert (estimate.basis, estimate.seconds) == (MEASURED, pytest.approx(60))
    assert (estimate.low, estimate.high) == (50, 70)


def test_another_amount_of_work_is_scaled_by_startup_and_rate(tmp_path, told):
    # 2 x 1,000 images and a third of 500 tested; measured with 12 x 1,000 and the same tests.
    finished(tmp_path, 102.0, epochs=12, startup=2.0)
    estimate = told()
    expected = 2 + 100 * (2000 + 500 / 3) / (12000 + 500 / 3)
    assert (estimate.basis, estimate.seconds) == (SCALED, pytest.approx(expected))
    assert estimate.low < expected < estimate.high


def test_two_amounts_give_the_line_through_them(tmp_path, told):
    # 0.01 s an image and 20 s besides, wherever the job's own clock started.
    for epochs in (8, 20):
        seconds = 20 + 0.01 * (1000 * epochs + 500 / 3)
        finished(
            tmp_path, seconds, epochs=epochs, place=f"fashion-mnist-demo/lenetzhu/a/e/seed{epochs}"
        )
    assert told().seconds == pytest.approx(20 + 0.01 * (2000 + 500 / 3))


def test_measured_beats_scaled_and_scaled_beats_guessed(tmp_path, told):
    finished(tmp_path, 102.0, epochs=12, place="fashion-mnist-demo/lenetzhu/none/long/seed0")
    assert told().basis == SCALED
    finished(tmp_path, 33.0)
    assert (told().basis, told().seconds) == (MEASURED, 33)


def test_what_is_a_hundred_times_smaller_says_nothing(tmp_path, told, settings):
    finished(tmp_path, 3.0, epochs=12)
    job = training()
    work = work_of(
        job.rule, job.wildcards, settings, {"recipe": {**_recipe(settings), "epochs": 2000}}
    )
    assert Estimator(read_records(tmp_path, settings))(job.rule, work, ON_CPU).basis == GUESSED


def _recipe(settings):
    return settings.recipe("full", "fashion-mnist-demo", "lenetzhu")


@pytest.mark.parametrize("device", [ON_GPU, Device("Processor Z", 1), Device(CPU, 2)])
def test_another_device_never_counts(tmp_path, told, device):
    finished(tmp_path, 50.0)
    assert told(ON_CPU).basis == MEASURED
    assert told(device).basis == GUESSED


def test_a_gpu_s_time_is_not_its_processor_s(tmp_path, told):
    finished(tmp_path, 50.0, gpu=GPU)
    assert told(ON_GPU).basis == MEASURED
    assert told(ON_CPU).basis == GUESSED


def test_another_model_never_counts(tmp_path, told):
    finished(tmp_path, 50.0)
    assert told(job=training("convnet-w4")).basis == GUESSED


def test_times_of_other_runs_count_where_a_provenance_says_what_they_were(tmp_path, told):
    finished(tmp_path, 50.0, run="other")
    assert told().basis == MEASURED


def _scored(root: Path, run: str) -> None:
    tsv = root / f"logs/{run}/score_singles/fixed/fashion-mnist-demo/lenetzhu/seed0.tsv"
    tsv.parent.mkdir(parents=True)
    tsv.write_text("s\th:m:s\n9.5\t0:00:09\n")


def test_scores_count_on_the_only_device_of_their_own_run(tmp_path, settings):
    _scored(tmp_path, "demo")
    assert read_records(tmp_path, settings) == []
    finished(tmp_path, 50.0)
    found = {record.rule: record for record in read_records(tmp_path, settings)}
    assert found["score_singles"].device == ON_CPU
    finished(tmp_path, 50.0, gpu=GPU, place="fashion-mnist-demo/lenetzhu/none/full/seed1")
    assert {record.rule for record in read_records(tmp_path, settings)} == {"train_model"}


def test_scores_of_another_run_may_have_been_of_another_search(tmp_path, settings):
    _scored(tmp_path, "other")
    finished(tmp_path, 50.0, run="other")
    assert {record.rule for record in read_records(tmp_path, settings)} == {"train_model"}


@pytest.mark.parametrize("damage", ["", "s\n", "s\nlong\n", "x\n1\n"])
def test_a_benchmark_file_that_is_not_whole_is_passed_over(tmp_path, settings, damage):
    finished(tmp_path, 50.0)
    next(tmp_path.rglob("*.tsv")).write_text(damage)
    assert read_records(tmp_path, settings) == []


def test_a_provenance_that_is_not_whole_is_passed_over(tmp_path, settings):
    finished(tmp_path, 50.0)
    next(tmp_path.rglob("provenance.json")).write_text('{"job": ')
    assert read_records(tmp_path, settings) == []


def test_a_guess_is_startup_and_work_by_rate(settings):
    job = training("resnet20-4")
    work = work_of(job.rule, job.wildcards, settings)
    rate = rates.RATES["train_model"]
    each = 3 * work.products / rates.SPEED["cpu"] + rate.each["cpu"]
    assert work.amount == pytest.approx(2 * 1000 + 500 / 3)
    assert guess(job.rule, work, ON_CPU).seconds == pytest.approx(2 + work.amount * each)
    # 0.65 billion multiply-adds of ResNet20-4, forward: as the benchmark's arithmetic has it.
    assert work.products == pytest.approx(0.648e9, rel=0.01)


def test_twice_the_threads_are_twice_as_fast_and_bf16_is_faster(settings):
    job = training("resnet20-4")
    work = work_of(job.rule, job.wildcards, settings)
    small = work_of(
        job.rule, job.wildcards, settings, {"recipe": {**_recipe(settings), "precision": "bf16"}}
    )
    one, two = (guess(job.rule, work, Device(CPU, n)).seconds for n in (1, 2))
    assert one > 1.5 * two
    assert guess(job.rule, small, ON_CPU).seconds < one


def test_every_rate_has_a_reason_and_a_range():
    for rule, rate in rates.RATES.items():
        assert len(rate.reason) > 20, rule
        assert all(factor >= 1.5 for factor in rate.factor.values()), rule
