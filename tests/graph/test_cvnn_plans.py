"""What Snakemake plans of private networks: who is trained again, and who is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edits import edited, work
from tests.workflow import Clone

ATTACKING = {"train_attacker", "attack_features"}


@pytest.fixture(scope="module")
def copied(tiny: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A copy of the finished run for all tests here, which leave it as it was."""
    with tiny.copy(tmp_path_factory.mktemp("plans")) as clone:
        yield clone


def trained(clone: Clone, *attacks: str) -> int:
    """Return how many attackers there are whose names begin so."""
    files = (clone.path / "results/tiny/cvnn/attackers").rglob("weights.safetensors")
    return sum(path.parent.name.startswith(attacks) for path in files)


def networks(clone: Clone) -> int:
    """Return how many private networks there are."""
    files = (clone.path / "results/tiny/models").rglob("summary.csv")
    return sum("cvnn" in path.parts[-3] for path in files)


@pytest.mark.parametrize("target", ["cvnn", "cvnn_figure_grid", "cvnn_exp02", "cvnn_core"])
def test_finished_target_plans_nothing(tiny: Clone, target: str) -> None:
    assert tiny.plan(target) == {}


@pytest.mark.parametrize(
    ("module", "attacks"),
    [
        ("decoders", ("",)),
        ("two_image", ("two-image",)),
        ("neighbours", ("knn",)),
        ("inference", ("infer",)),
        # Its alignment is what some attackers with two guesses begin with.
        ("blind", ("blind", "two-image")),
    ],
    ids=["decoders", "two_image", "neighbours", "inference", "blind"],
)
def test_edited_attacker_reruns_its_attacks_and_no_training(
    copied: Clone, module: str, attacks: tuple[str, ...]
) -> None:
    with edited(copied, "cvnn", f"attackers/{module}") as clone:
        planned = clone.plan()
    count = trained(copied, *attacks)
    assert 0 < count <= trained(copied, "")
    assert (count < trained(copied, "")) == (module != "decoders")
    assert planned["train_attacker"] == count
    # Attackers whom others build on may attack nothing themselves.
    assert 0 < planned["attack_features"] <= count
    assert set(work(planned, "cvnn")) == ATTACKING


def test_edited_training_of_private_networks_trains_no_other(copied: Clone) -> None:
    with edited(copied, "cvnn", "contest") as clone:
        planned = work(clone.plan(), "cvnn")
    assert planned["train_private_model"] == networks(copied) > 0
    assert set(planned) == {"train_private_model", *ATTACKING}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"protections": {"rotation-k32": {"k": 31}}}, {}),
        (
            {"protections": {"rotation-k4": {"k": 3}}},
            {
                "define_protection": 1,
                "train_private_model": 1,
                "train_attacker": 1,
                "attack_features": 1,
            },
        ),
        ({"feature_attacks": {"knn-3": {"neighbours": 2}}}, {}),
        (
            {"feature_attacks": {"two-image-quadrant": {"patience": 2}}},
            {"train_attacker": 1, "attack_features": 1},
        ),
        ({"compute": {"chunk": 3, "device": "cpu"}}, {}),
    ],
    ids=["unused protection", "protection", "unused attack", "attack", "compute"],
)
def test_changed_config_reruns_what_depends_on_it(
    copied: Clone, overrides: dict, expected: dict[str, int]
) -> None:
    plan = copied.with_config("overrides", overrides).plan()
    assert work(plan, "cvnn") == expected
    assert bool(plan) == bool(expected)


def test_other_images_are_attacked_by_the_same_attackers(copied: Clone) -> None:
    count = {"protocols": {"fixed-cvnn": {"scene": {"images": {"count": 4}}}}}
    planned = work(copied.with_config("overrides", count).plan("cvnn"), "cvnn")
    assert set(planned) == {"attack_features"}


def test_other_pictures_redraw_the_grid(copied: Clone) -> None:
    pictures = {"studies": {"cvnn": {"pictures": {"images": [1]}}}}
    assert set(copied.with_config("overrides", pictures).plan("cvnn")) == {
        "cvnn_figure_grid",
        "cvnn",
    }


@pytest.mark.parametrize(
    ("rule", "tables"),
    [
        ("cvnn_figure_errors", ["tables/images"]),
        ("cvnn_figure_curves", ["tables/attackers"]),
        ("cvnn_table_exp02", ["experiments/cvnn-exp02/images", "experiments/cvnn-exp02/models"]),
        ("cvnn_figure_core", ["experiments/cvnn-core/images"]),
        ("cvnn_table_exp11", []),
        ("cvnn_figure_exp11", ["tables/exp11"]),
    ],
    ids=["errors", "curves", "exp02", "core", "exp11", "exp11-figure"],
)
def test_tidy_tables_alone_plan_one_job(
    fresh: Clone, tiny: Clone, rule: str, tables: list[str]
) -> None:
    for name in tables:
        table = Path("results/tiny/cvnn", f"{name}.csv")
        (fresh.path / table).parent.mkdir(parents=True, exist_ok=True)
        (fresh.path / table).write_bytes((tiny.path / table).read_bytes())
    assert fresh.plan(rule) == {rule: 1}


def test_datasets_of_equal_arrays_are_unpacked_once(fresh: Clone) -> None:
    """cvnn-ext05 hides ten attributes of the faces whose forty are the task of cvnn-ext07."""
    planned = fresh.plan("cvnn_ext05", "cvnn_ext07")
    assert planned["prepare_faces"] == 1
