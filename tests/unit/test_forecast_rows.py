"""Rows of a forecast: each job once, hours, disk, what is printed, and the command itself."""

import csv
import errno
import io
import json
import os
from pathlib import Path

import pytest

from reveil.errors import ReveilError
from reveil.forecast import by_hand, command, printing
from reveil.forecast.disk import Disk
from reveil.forecast.dryrun import Planned, read
from reveil.forecast.estimate import Estimator
from reveil.forecast.forecast import Forecast, Machines
from reveil.forecast.records import Device, read_records
from reveil.forecast.settings import Settings, read_config
from tests.forecasts import CPU, GPU, finished, line, training

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def settings():
    return Settings(read_config(ROOT, ["config/demo.yaml"]), ROOT)


@pytest.fixture
def forecast(tmp_path, settings):
    def made(jobs, gpus=1, cores=2, gpu=GPU):
        records = read_records(tmp_path, settings)
        machines = Machines(gpus, cores, Device(gpu), CPU)
        return Forecast(jobs, settings, Estimator(records), Disk(ROOT, settings, records), machines)

    return made


def _jobs(gpu: int = 1):
    """Two trainings, one for a table of ats and one for tables of two studies."""
    first, second = training(seed=0, gpu=gpu), training(seed=1, gpu=gpu)
    tables = read(
        [
            line(
                "ats_table_x", ["results/demo/ats/tables/x.csv"], [*first.outputs, *second.outputs]
            ),
            line("unir_table_y", ["results/demo/unir/tables/y.csv"], [*second.outputs]),
        ]
    )
    return [first, second, *tables]


def test_shared_jobs_are_counted_once(forecast):
    rows = {row.name: row for row in forecast(_jobs()).by_study()}
    assert {name: row.jobs for name, row in rows.items()} == {
        "ats": 2,
        "unir": 1,
        "shared": 1,
        "all": 4,
    }
    parts = [rows[name] for name in ("ats", "unir", "shared")]
    assert sum(row.gpu_hours.value for row in parts) == pytest.approx(rows["all"].gpu_hours.value)
    assert sum(row.bytes for row in parts) == pytest.approx(rows["all"].bytes)


def test_wall_time_of_a_study_has_what_it_waits_for(forecast, tmp_path, settings):
    for seed in (0, 1):
        place = f"fashion-mnist-demo/lenetzhu/none/full/seed{seed}"
        finished(tmp_path, 3600.0, gpu=GPU, place=place, recipe=_recipe(settings))
    rows = {row.name: row for row in forecast(_jobs(), gpus=1).by_study()}
    assert rows["unir"].gpu_hours.value == 0
    assert rows["unir"].wall_hours.value == pytest.approx(1 + 4 / 3600)
    assert rows["all"].wall_hours.value == pytest.approx(2 + 4 / 3600)
    both = {row.name: row for row in forecast(_jobs(), gpus=2).by_study()}
    assert both["all"].wall_hours.value == pytest.approx(1 + 4 / 3600)
    assert both["all"].gpu_hours.value == pytest.approx(2)
    assert both["all"].shares["measured"] == pytest.approx(7200 / 7208)


def _recipe(settings):
    return settings.recipe("full", "fashion-mnist-demo", "lenetzhu")


def test_without_gpus_all_hours_are_of_processors(forecast):
    told = forecast(_jobs(), gpus=0).by_study()[-1]
    assert told.gpu_hours.value == 0
    assert told.cpu_hours.value > 0


def test_weights_take_four_bytes_a_number(forecast):
    from reveil.models.zoo import build

    weights = sum(w.numel() for w in build("lenetzhu", 3, 32, 10).parameters())
    row = forecast([training()]).by_study()[0]
    assert row.name == "other"
    assert row.bytes == pytest.approx(4 * weights, abs=20_000)


def test_archives_and_arrays_take_what_is_known_of_them(forecast):
    named = {"dataset": "cifar10", "archive": "cifar-10-python.tar.gz"}
    arrays = "resources/datasets/cifar10/train/images.npy"
    jobs = read(
        [
            line("fetch_dataset", ["resources/downloads/cifar10/a"], wildcards=named),
            line("prepare_dataset", [arrays], wildcards={"dataset": "cifar10"}),
        ]
    )
    rows = {row.name: row for row in forecast(jobs).by_rule()}
    assert rows["fetch_dataset"].bytes == 170_498_071
    assert rows["prepare_dataset"].bytes == 60_000 * (3072 + 8)
    assert rows["prepare_dataset"].bytes_shares["measured"] == 1


def test_rows_of_rules_have_all_jobs(forecast):
    rows = forecast(_jobs()).by_rule()
    assert {row.name: row.jobs for row in rows} == {
        "train_model": 2,
        "ats_table_x": 1,
        "unir_table_y": 1,
    }
    assert rows[0].name == "train_model"


def test_what_is_guessed_is_what_is_worth_measuring(forecast, tmp_path, settings):
    (worth,) = forecast(_jobs()).worth_measuring()
    assert worth[0] == "train_model lenetzhu"
    assert worth[2].job.outputs[0].endswith("seed0/weights.safetensors")
    finished(tmp_path, 50.0, gpu=GPU, recipe=_recipe(settings))
    assert forecast(_jobs()).worth_measuring() == []


def test_the_text_says_what_is_guessed_and_programs_get_the_same_numbers(forecast):
    told = forecast(_jobs(), gpus=4)
    rows = told.by_study()
    text = printing.text(told, rows, "study")
    assert "wall, 4 GPUs, 2 cores" in text
    assert "never measured by us" in text
    assert "100 %" in text
    said = json.loads(printing.as_json(told, rows))
    table = list(csv.DictReader(io.StringIO(printing.as_csv(rows))))
    assert [row["name"] for row in said["rows"]] == ["ats", "unir", "shared", "all"]
    assert [row["jobs"] for row in table] == ["2", "1", "1", "4"]
    assert said["rows"][-1]["gpu_hours"] == pytest.approx(rows[-1].gpu_hours.value, abs=1e-4)


@pytest.mark.parametrize(
    ("hours", "text"), [(0.01, "36 s"), (0.5, "30 min"), (3, "3.0 h"), (1234.5, "1,234 h")]
)
def test_hours_for_people(hours, text):
    assert printing.time(hours) == text


def test_the_gpu_of_a_part_of_its_name_must_be_one(tmp_path, settings):
    for seed, name in enumerate(("Accelerator Y", "Accelerator Z")):
        place = f"fashion-mnist-demo/lenetzhu/none/full/seed{seed}"
        finished(tmp_path, 50.0, gpu=name, place=place)
    records = read_records(tmp_path, settings)
    assert command.chosen_gpu(records, "tor z") == Device("Accelerator Z")
    assert command.chosen_gpu(records, "B200") == Device("B200")
    with pytest.raises(ReveilError, match="Accelerator Y, Accelerator Z"):
        command.chosen_gpu(records, "Accelerator")


def test_an_empty_plan_says_so(monkeypatch, capsys):
    monkeypatch.setattr(command, "dry_run", lambda *_: [])
    assert command.main(["--root", str(ROOT), "--configfile", "config/demo.yaml"]) == 0
    assert "Nothing to be done" in capsys.readouterr().out


def fetched(dataset, archive):
    path = f"resources/downloads/{dataset}/{archive}"
    return Planned("fetch_dataset", {"dataset": dataset, "archive": archive}, (), (path,))


def test_archives_that_a_person_has_to_fetch_are_told_until_they_are_there(tmp_path):
    files = ("img_align_celeba.zip", "list_attr_celeba.txt")
    jobs = [fetched("celeba", name) for name in files]
    jobs += [fetched("cifar10", "cifar-10-python.tar.gz")]
    config = {"datasets": {"local_folders": [str(tmp_path / "a"), str(tmp_path / "b")]}}
    (line,) = by_hand.missing(jobs, config)
    assert f"celeba: {', '.join(files)}, from https://mmlab" in line
    assert f"into one of {tmp_path}/a/celeba, {tmp_path}/b/celeba;" in line
    for place in ("a/celeba", "b"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "a/celeba" / files[0]).touch()
    (line,) = by_hand.missing(jobs, config)
    assert f"celeba: {files[1]}, from" in line
    (tmp_path / "b" / files[1]).touch()
    assert by_hand.missing(jobs, config) == []


def test_a_plan_says_what_to_fetch_by_hand(monkeypatch, capsys):
    monkeypatch.setattr(command, "dry_run", lambda *_: [fetched("celeba", "img_align_celeba.zip")])
    assert command.main(["--root", str(ROOT), "--gpus", "0"]) == 0
    assert "To fetch by hand before the run" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_other_forms_say_it_beside_what_is_read_by_programs(monkeypatch, capsys, form):
    monkeypatch.setattr(command, "dry_run", lambda *_: [fetched("celeba", "img_align_celeba.zip")])
    assert command.main(["--root", str(ROOT), "--gpus", "0", form]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("To fetch by hand before the run")
    assert said.err.count("\n") == 1
    assert "by hand" not in said.out
    assert json.loads(said.out) if form == "--json" else list(csv.reader(io.StringIO(said.out)))


def test_a_folder_that_may_not_be_entered_has_no_archive(monkeypatch, tmp_path):
    stat = os.stat

    def refused(path, *arguments, **named):
        if not isinstance(path, int) and str(path).startswith(f"{tmp_path}/"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", refused)
    config = {"datasets": {"local_folders": [str(tmp_path)]}}
    (line,) = by_hand.missing([fetched("celeba", "img_align_celeba.zip")], config)
    assert f"into one of {tmp_path}/celeba;" in line


def test_a_failed_dry_run_ends_with_its_message_and_status_1(monkeypatch, capsys):
    def failed(*_):
        raise ReveilError("the dry run failed; Snakemake says:\nMissingRuleException")

    monkeypatch.setattr(command, "dry_run", failed)
    assert command.main(["--root", str(ROOT), "nonsense"]) == 1
    assert "MissingRuleException" in capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_named(capsys):
    assert command.main(["--root", str(ROOT), "--configfile", "config/nowhere.yaml"]) == 1
    assert "config/nowhere.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--gpus", "-1"], ["--cores", "0"], ["--gpus", "many"]])
def test_counts_that_cannot_be_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        command.main(words)
    assert "is not allowed" in capsys.readouterr().err
