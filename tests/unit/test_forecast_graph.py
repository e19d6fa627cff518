"""Reading dry runs, what depends on what, for whom a job is, and wall time."""

import pytest

from reveil.errors import ReveilError
from reveil.forecast import graph
from reveil.forecast.dryrun import complaint, read
from reveil.forecast.schedule import Timed, wall_seconds
from tests.forecasts import line

MODEL = "results/demo/models/d/m/none/full/seed0/weights.safetensors"
OTHER = "results/demo/models/d/n/none/full/seed0/weights.safetensors"
ARRAYS = "resources/datasets/d/train/images.npy"


@pytest.fixture
def jobs():
    return read(
        [
            line("ats_table_x", ["results/demo/ats/tables/x.csv"], [MODEL, OTHER]),
            line("unir_table_y", ["results/demo/unir/tables/y.csv"], [MODEL]),
            line("train_model", [MODEL], [ARRAYS]),
            line("train_model", [OTHER], [ARRAYS]),
            line("prepare_dataset", [ARRAYS]),
            line("all", [], ["results/demo/ats/tables/x.csv"]),
        ]
    )


def test_a_job_that_is_said_twice_is_one_and_gatherers_are_none(jobs):
    again = line("prepare_dataset", [ARRAYS])
    assert len(read([again, again, line("all", [])])) == 1
    assert [job.rule for job in jobs].count("all") == 0


def test_files_say_what_waits_for_what(jobs):
    assert graph.dependencies(jobs) == [[2, 3], [2], [4], [4], []]
    order = graph.in_order(graph.dependencies(jobs))
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order.index(4) < order.index(2) < order.index(0)


def test_a_job_for_one_study_is_that_study_s_and_one_for_two_is_shared(jobs):
    found = graph.studies(jobs, graph.dependencies(jobs))
    assert [graph.group_of(names) for names in found] == ["ats", "unir", "shared", "ats", "shared"]


def test_a_model_asked_for_by_its_file_is_of_no_study():
    jobs = read([line("train_model", [MODEL])])
    assert graph.group_of(graph.studies(jobs, [[]])[0]) == "other"


def test_what_stands_in_a_study_s_folder_is_its_own_whoever_needs_it():
    scores = "results/demo/ats/search/fixed/d/m/seed0/scores.csv"
    jobs = read(
        [line("select_policies", [scores]), line("cvnn_table_z", ["results/demo/z"], [scores])]
    )
    assert graph.studies(jobs, graph.dependencies(jobs))[0] == {"ats"}


def test_what_stands_behind_a_job_is_all_that_it_waits_for(jobs):
    assert graph.behind([1], graph.dependencies(jobs)) == [1, 2, 4]


@pytest.mark.parametrize("wrong", ["no json", "[]", '{"rule": "x"}'])
def test_a_line_that_is_no_job_is_refused_by_its_number(wrong):
    with pytest.raises(ReveilError, match="line 2"):
        read([line("a", ["b"]), wrong])


def test_snakemake_s_complaint_is_passed_on_without_its_banner():
    said = "Host: vm\nBuilding DAG of jobs...\nMissingRuleException:\nNo rule to produce x\n"
    assert complaint(said) == "MissingRuleException:\nNo rule to produce x"
    assert complaint("WorkflowError in file Snakefile\n") == "WorkflowError in file Snakefile"


# One job of 1 s, then four of 10 s on a GPU, then one of 2 s on cores: by hand.
FAN = [Timed(1), *[Timed(10, gpu=True)] * 4, Timed(2)]
NEEDS = [[], [0], [0], [0], [0], [1, 2, 3, 4]]


@pytest.mark.parametrize(("gpus", "seconds"), [(1, 43), (2, 23), (3, 23), (4, 13), (99, 13)])
def test_wall_time_is_what_it_is_by_hand(gpus, seconds):
    assert wall_seconds(FAN, NEEDS, gpus, cores=1) == pytest.approx(seconds)


def test_the_longest_chain_starts_first():
    # On one core the order is nothing; on two, the short job runs beside the chain.
    jobs = [Timed(5), Timed(5), Timed(20)]
    assert wall_seconds(jobs, [[], [], [1]], gpus=0, cores=1) == pytest.approx(30)
    assert wall_seconds(jobs, [[], [], [1]], gpus=0, cores=2) == pytest.approx(25)
    # In the order of the list the chain of 4 and 9 would begin at 6 only, and end at 19.
    jobs = [Timed(6), Timed(6), Timed(4), Timed(9)]
    assert wall_seconds(jobs, [[], [], [], [2]], gpus=0, cores=2) == pytest.approx(13)


def test_a_job_takes_its_threads_and_no_more_than_there_are():
    wide = [Timed(3, cores=4), Timed(3, cores=4)]
    assert wall_seconds(wide, [[], []], gpus=0, cores=8) == pytest.approx(3)
    assert wall_seconds(wide, [[], []], gpus=0, cores=7) == pytest.approx(6)
    assert wall_seconds(wide, [[], []], gpus=0, cores=2) == pytest.approx(6)


def test_nothing_to_do_takes_no_time_and_a_missing_gpu_is_said():
    assert wall_seconds([], [], gpus=0, cores=1) == 0
    with pytest.raises(ReveilError, match="gpus 0"):
        wall_seconds(FAN, NEEDS, gpus=0, cores=1)
