"""What Snakemake plans: this target asks for these jobs, this change reruns those and no others."""

from collections.abc import Callable

import pytest

from tests.workflow import Clone

FIGURES = ["grid", "gradsim", "singles", "candidates", "psnr", "curves"]
DRAWING = {"ats_table_policies", "ats_table_singles", *(f"ats_figure_{name}" for name in FIGURES)}
AFTER_ATTACKS = {
    "attack_images",
    "collect_images",
    "ats_table_policies",
    "ats_figure_grid",
    "ats_figure_psnr",
}


def without_targets(plan: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in plan.items() if rule not in ("all", "ats", "cvnn")}


def test_finished_run_plans_nothing(tiny: Clone) -> None:
    assert tiny.plan() == {}


def test_other_front_door_plans_the_same(tiny: Clone) -> None:
    assert tiny.plan("--snakefile", "workflow/Snakefile") == {}


@pytest.mark.parametrize("figure", FIGURES)
def test_one_figure_after_a_full_run_plans_nothing(tiny: Clone, figure: str) -> None:
    assert tiny.plan(f"ats_figure_{figure}") == {}


@pytest.mark.parametrize("name", sorted(DRAWING))
def test_touched_drawing_script_plans_its_one_job(changed: Clone, name: str) -> None:
    changed.touch(f"workflow/scripts/{name}.py")
    assert without_targets(changed.plan()) == {name: 1}


def test_forced_figure_plans_one_job(tiny: Clone) -> None:
    assert tiny.plan("--force", "ats_figure_psnr") == {"ats_figure_psnr": 1}


def comment(source: str) -> str:
    return source + "\n# a remark\n"


def statement(source: str) -> str:
    return source + "\nREMARK = 1\n"


@pytest.mark.parametrize(
    "module", ["attacks/optimise", "training", "search", "metrics", "figures/psnr"]
)
def test_comment_in_a_module_plans_nothing(changed: Clone, module: str) -> None:
    changed.edit(f"src/reveil/{module}.py", comment)
    assert changed.plan() == {}


def test_edited_attack_reruns_attacks_and_what_follows_and_no_training(changed: Clone) -> None:
    changed.edit("src/reveil/attacks/optimise.py", statement)
    assert set(changed.plan(*DRAWING)) == AFTER_ATTACKS


def test_edited_training_reruns_trainings_and_what_follows_and_no_data(changed: Clone) -> None:
    changed.edit("src/reveil/training.py", statement)
    planned = set(without_targets(changed.plan()))
    assert {"train_model", "score_candidates", "attack_images"} <= planned
    assert not planned & {"fetch_dataset", "prepare_dataset", "draw_candidates"}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("indices", {"train_model", "score_candidates", "attack_images"}),
        ("models/lenet", {"train_model", "score_candidates", "attack_images"}),
        ("selection", {"select_policies", "define_policy"}),
        ("stages/summaries", {"train_model"}),
        ("pictures", {"attack_images"}),
    ],
)
def test_edited_module_reruns_what_stands_on_it(
    changed: Clone, module: str, expected: set[str]
) -> None:
    changed.edit(f"src/reveil/{module}.py", statement)
    assert expected <= set(changed.plan())


def test_other_filter_selects_again_and_scores_nothing(changed: Clone) -> None:
    filters = {"protocols": {"fixed": {"search": {"s_acc": {"threshold_per_image": -1.0e8}}}}}
    planned = set(changed.with_config("overrides", filters).plan())
    assert {"select_policies", "attack_images"} <= planned
    assert not planned & {"draw_candidates", "score_candidates", "score_singles"}


def test_pictures_of_a_policy_are_its_own_whatever_the_order(fresh: Clone) -> None:
    """The defence is called none, too: a page must not take its folder for the policy's."""
    overrides = {"studies": {"ats": {"policies": ["crop-flip", "none"], "items": ["figure_grid"]}}}
    snakefile = fresh.path / "pictures.smk"
    snakefile.write_text(
        'include: "Snakefile"\n'
        "for page in ATS_PAGES:\n"
        "    for policy, paths in ats_arrays(page).items():\n"
        "        assert paths and all(f'lenetzhu/{policy}/full' in path for path in paths), paths\n"
    )
    fresh.with_config("overrides", overrides).run("--snakefile", snakefile.name, "--dry-run")


def test_edited_figure_redraws_that_figure(changed: Clone) -> None:
    changed.edit("src/reveil/figures/psnr.py", statement)
    # The main table of Gao et al. is drawn the same way.
    assert without_targets(changed.plan()) == {"ats_figure_psnr": 1, "ats_figure_exp03": 1}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"recipes": {"full-orig2021": {"epochs": 3}}}, set()),
        ({"compute": {"chunk": 3, "device": "cpu"}}, set()),
        ({"datasets": {"local_folders": ["elsewhere"]}}, set()),
        ({"attacks": {"inversed": {"iterations": 7}}}, AFTER_ATTACKS),
        ({"studies": {"ats": {"block": 2}}}, AFTER_ATTACKS),
        ({"studies": {"ats": {"pictures": {"images": [0]}}}}, {"ats_figure_grid"}),
        ({"protocols": {"fixed": {"judge": {"std_ddof": 0}}}}, {"ats_table_policies"}),
    ],
    ids=["unused recipe", "compute", "local folders", "budget", "block", "pictures", "judge"],
)
def test_changed_config_reruns_what_depends_on_it(
    changed: Clone, overrides: dict, expected: set[str]
) -> None:
    assert set(changed.with_config("overrides", overrides).plan(*DRAWING)) == expected


def test_other_seed_trains_its_own_models(changed: Clone) -> None:
    planned = changed.with_config("overrides", {"seeds": [0, 1]}).plan()
    assert planned["train_model"] > 0
    assert "prepare_dataset" not in planned


def test_only_the_tidy_table_present_plans_one_job(fresh: Clone, tiny: Clone) -> None:
    table = "results/tiny/ats/tables/images.csv"
    (fresh.path / table).parent.mkdir(parents=True)
    (fresh.path / table).write_bytes((tiny.path / table).read_bytes())
    assert fresh.plan("ats_figure_psnr") == {"ats_figure_psnr": 1}


@pytest.mark.parametrize(
    "preset", ["config.yaml", "config/demo.yaml", "config/fashion.yaml", "config/fashion-core.yaml"]
)
def test_every_preset_plans(fresh: Clone, preset: str) -> None:
    planned = Clone(fresh.path, (preset,)).plan()
    assert planned["attack_images"] > 0
    assert planned["attack_features"] > 0


@pytest.mark.parametrize("name", ["orig2021", "drabent2022", "warmerdam2022", "fixed"])
def test_every_protocol_plans(fresh: Clone, name: str) -> None:
    chosen = {
        "studies": {
            "ats": {
                "protocols": [name],
                "datasets": ["fashion-mnist", "cifar100"],
                "experiments": {"targets": []},
            }
        },
    }
    base = Clone(fresh.path, ("config.yaml",))
    assert base.with_config("overrides", chosen).plan()["attack_images"] > 0


def test_equal_trainings_are_shared_between_protocols(fresh: Clone) -> None:
    """What two protocols train alike is trained once; their attacks stay apart."""
    settings: Callable[[list[str]], dict] = lambda names: {  # noqa: E731
        "seeds": [0],
        "protocols": {"other": {"base": "fixed", "judge": {"std_ddof": 0}}},
        "studies": {
            "ats": {
                "protocols": names,
                "policies": ["none", "3-1-7"],
                "items": ["figure_psnr"],
                "experiments": {"targets": []},
            }
        },
    }
    one = fresh.with_config("one", settings(["fixed"])).plan("ats")
    two = fresh.with_config("two", settings(["fixed", "other"])).plan("ats")
    assert two["train_model"] == one["train_model"]
    assert two["attack_images"] == 2 * one["attack_images"]


@pytest.mark.parametrize("policy", ["found-fixed-s0-1", "only-found-fixed-s0-2"])
def test_a_found_policy_waits_for_its_search(fresh: Clone, policy: str) -> None:
    planned = fresh.plan(f"results/tiny/policies/fashion-mnist-demo/lenetzhu/{policy}.json")
    assert planned["select_policies"] == 1
