"""What Snakemake plans of reconstructions: who is trained once, and who is trained again."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from reveil import config as settings
from reveil.config.experiments import UNTRAINED, Cell
from reveil.config.presets import read_yaml
from tests.edits import edited, work
from tests.workflow import ROOT, Clone

DRAWING = ("unir_table_", "unir_figure_", "unir_exp")
NETWORKS = ("unet", "dcgan", "variational", "ambient", "pajot")
TRAINED = "results/tiny/models/*/*/*/*/*/weights.safetensors"


@pytest.fixture(scope="module")
def copied(tiny: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A copy of the finished run for all tests here, which leave it as it was."""
    with tiny.copy(tmp_path_factory.mktemp("plans")) as clone:
        yield clone


def generators(clone: Clone) -> int:
    """Return how many generators are trained."""
    found = clone.path.glob(TRAINED)
    return sum(path.parts[-5].startswith(NETWORKS) for path in found)


def blocks(clone: Clone, *attacks: str) -> int:
    """Return how many blocks of images are reconstructed, by these methods or by any."""
    found = (clone.path / "results/tiny/unir/attacks").rglob("*.csv")
    return sum(not attacks or path.parts[-3] in attacks for path in found)


def network_of(cell: Cell) -> tuple[str, ...]:
    return cell.page.dataset, cell.page.model, cell.policy, cell.recipe


def drawn_of(cells: list[Cell]) -> set[tuple[str, ...]]:
    return {(c.protocol, *network_of(c)) for c in cells if not c.attack}


def test_the_papers_run_trains_every_network_once(fresh: Clone) -> None:
    """Experiments share networks and rows: who asks for the same file gets the same job."""
    paper = read_yaml(ROOT / "config.yaml")
    named = paper["studies"]["unir"]["experiments"]["targets"]
    assert named == [f"unir-exp{number:02}" for number in range(1, 18)]
    by_name = {name: settings.cells(paper, ROOT, name, 0) for name in named}
    cells = [*settings.study_cells(paper, ROOT), *chain(*by_name.values())]
    networks = [network_of(c) for c in cells if c.page.model != UNTRAINED]
    # Samples of all seeds are scored, and those of the first one shown.
    scored = drawn_of(by_name["unir-exp10"]) | drawn_of(by_name["unir-exp11"])
    shown = drawn_of(by_name["unir-exp02"]) - scored
    planned = Clone(fresh.path, ()).plan("unir")
    seeds = len(paper["seeds"])
    assert planned["train_reconstruction"] == seeds * len(set(networks))
    assert planned["draw_samples"] == seeds * len(scored) + len(shown)
    # unir at 90 % of the sites is of six experiments and of the study.
    shared = ("fashion-mnist", "unet", "remove-pixel-dark-90", "unir")
    assert networks.count(shared) >= 6
    assert {f"unir_exp{number:02}" for number in range(1, 18)} & set(planned) == set()
    for item in paper["studies"]["unir"]["items"]:
        assert planned[f"unir_{item}"] == 1
    # Each drawing rule draws all its pages in one job.
    assert {count for rule, count in planned.items() if rule.startswith(DRAWING)} == {1}
    # A classifier for each dataset and seed, whoever is scored by it.
    judged = {dataset for _, dataset, *_ in scored}
    alone = {dataset for _, dataset, *_ in shown} - judged
    assert planned["train_model"] == seeds * len(judged) + len(alone)


def test_finished_study_plans_nothing(tiny: Clone) -> None:
    assert tiny.plan("unir", "unir_exp04", "unir_figure_grid") == {}


def test_edited_training_reruns_all_generators_and_no_other_network(copied: Clone) -> None:
    with edited(copied, "unir", "game") as clone:
        planned = work(clone.plan(), "unir")
    assert planned["train_reconstruction"] == generators(copied) > 20
    assert set(planned) == {"train_reconstruction", "reconstruct_images", "draw_samples"}
    # Methods without a network stay as they are.
    assert planned["reconstruct_images"] == blocks(copied, "network", "network-averaged")
    assert planned["reconstruct_images"] < blocks(copied)


def test_edited_method_reruns_its_images_and_who_learns_from_them(copied: Clone) -> None:
    with edited(copied, "unir", "reconstruct/variation") as clone:
        planned = work(clone.plan("unir"), "unir")
    assert planned == {
        "reconstruct_images": blocks(copied, "tv"),
        # unmeasure-tv-bora2018 learns from what it makes.
        "train_reconstruction": 1,
        "draw_samples": 1,
    }


def test_edited_judge_trains_nothing(copied: Clone) -> None:
    with edited(copied, "unir", "judging") as clone:
        planned = work(clone.plan("unir"), "unir")
    assert planned == {"reconstruct_images": blocks(copied)}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            {
                "operators": {"remove-pixel-70": {"share": 0.6}},
                "reconstructions": {"normalised-3": {"sigma": 4.0}},
                "recipes": {"unir-weight-20": {"reconstruction": {"weight": 30.0}}},
                "compute": {"chunk": 3, "device": "cpu"},
            },
            {},
        ),
        (
            {"recipes": {"unir-weight-0": {"reconstruction": {"weight": 0.1}}}},
            {"train_reconstruction": 1, "reconstruct_images": 1},
        ),
        (
            # The operator that a training simulates, and no image is measured by.
            {"operators": {"remove-pixel-dark-30": {"share": 0.25}}},
            {"train_reconstruction": 1, "reconstruct_images": 1},
        ),
        (
            {"reconstructions": {"wiener": {"noise_to_signal": 0.5}}},
            {"reconstruct_images": 1},
        ),
    ],
    ids=["unused and compute", "recipe", "simulated operator", "method"],
)
def test_changed_config_reruns_what_depends_on_it(
    copied: Clone, overrides: dict, expected: dict[str, int]
) -> None:
    plan = copied.with_config("overrides", overrides).plan("unir")
    assert work(plan, "unir") == expected
    assert bool(plan) == bool(expected)


def test_other_images_and_samples_are_of_the_same_networks(copied: Clone) -> None:
    other = {"scene": {"images": {"count": 3}}, "reconstruction": {"samples": 70}}
    plan = copied.with_config("overrides", {"protocols": {"fixed-unir": other}}).plan("unir")
    planned = work(plan, "unir")
    assert set(planned) == {"reconstruct_images", "draw_samples"}


def test_tidy_tables_alone_plan_one_job_each(fresh: Clone, tiny: Clone) -> None:
    wanted = {
        "unir_table_methods": ["tables/images", "tables/models"],
        "unir_figure_curves": ["tables/histories"],
        "unir_figure_exp06": ["experiments/unir-exp06/images"],
        "unir_table_exp01": ["experiments/unir-exp01/histories"],
        "unir_table_exp10": ["experiments/unir-exp10/samples"],
    }
    for name in {name for names in wanted.values() for name in names}:
        table = Path("results/tiny/unir", f"{name}.csv")
        (fresh.path / table).parent.mkdir(parents=True, exist_ok=True)
        (fresh.path / table).write_bytes((tiny.path / table).read_bytes())
    assert fresh.plan(*wanted) == dict.fromkeys(wanted, 1)
