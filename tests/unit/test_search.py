"""Candidates, blocks of scores that can be resumed, and the choice of policies."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from reveil import candidates, search, selection
from reveil.datasets import get
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models import build
from reveil.policies import parse
from reveil.scores import Sample
from reveil.views import view_for

SUBJECT = {"protocol": "fixed", "dataset": "fashion-mnist", "model": "lenetzhu", "seed": 3}
RECIPE = {"fmnist_pipeline": "native28", "policy_channels": 3, "normalisation": "dataset"}
VIEW = view_for(get("fashion-mnist"), RECIPE)
SWITCHES = {
    "candidates": 8,
    "final": 2,
    "distinct": False,
    "variant": "cvpr2021",
    "s_pri": {"points": 3, "quadrature": "trapezoid", "gradsim": "per_tensor", "repeats": 1},
    "s_acc": {
        "images": {"batches": 2, "batch_size": 4},
        "inits": "per_policy",
        "init_count": 1,
        "dedup": True,
        "threshold": -85,
        "per_image": False,
        "threshold_per_image": -1.34,
    },
}
NAMES = ["1", "none", "50-3-1", "9-2", "1", "16-2", "7-1-3", "49"]


def make_init(seed: int) -> nn.Module:
    return build("lenetzhu", channels=1, size=28, classes=10, seed=seed)


def model() -> nn.Module:
    return make_init(0).double().eval()


def sample(count: int) -> Sample:
    """Return smooth images of three classes, numbered 100, 107, ..."""
    stream = torch.Generator().manual_seed(5)
    coarse = torch.rand(count, 1, 5, 5, generator=stream)
    images = nn.functional.interpolate(coarse, 28, mode="bilinear") * 255
    labels = torch.arange(count) % 3
    return Sample(images.to(torch.uint8), labels, [100 + 7 * i for i in range(count)])


def block(names: dict[int, str], state: State | None = None) -> pd.DataFrame:
    candidates = pd.DataFrame({"candidate": list(names), "policy": list(names.values())})
    return search.score_block(
        candidates,
        subject=SUBJECT,
        model=model(),
        make_init=make_init,
        private=sample(6),
        accurate=sample(8),
        view=VIEW,
        search=SWITCHES,
        seed=3,
        state=state,
    )


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    return block(dict(enumerate(NAMES)))


def results(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="seconds").reset_index(drop=True)


def test_candidates_are_seeded_and_a_longer_table_begins_with_a_shorter() -> None:
    table = candidates.draw_candidates(300, seed=1)
    assert list(table.columns) == ["candidate", "policy"]
    assert table["candidate"].tolist() == list(range(300))
    pd.testing.assert_frame_equal(candidates.draw_candidates(40, seed=1), table.head(40))
    assert not candidates.draw_candidates(300, seed=2).equals(table)


@pytest.mark.parametrize("slot_max", [49, 50])
def test_slots_are_uniform_and_an_empty_one_is_left_out(slot_max: int) -> None:
    policies = candidates.draw_candidates(20_000, slot_max=slot_max)["policy"]
    slots = Counter(int(i) for name in policies if name != "none" for i in name.split("-"))
    assert sorted(slots) == list(range(slot_max + 1))
    expected = 60_000 / (slot_max + 2)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in slots.values())
    assert abs(60_000 - slots.total() - expected) < 5 * expected**0.5


def test_a_candidate_of_empty_slots_is_none() -> None:
    assert set(candidates.draw_candidates(50, slots=1, slot_max=0)["policy"]) == {"none", "0"}
    with pytest.raises(ReveilError, match="search.slots: 0 is not allowed"):
        candidates.draw_candidates(5, slots=0)


def test_singles_are_all_operations_and_none() -> None:
    table = candidates.single_candidates()
    assert table["candidate"].tolist() == list(range(-1, 50))
    assert table["policy"].tolist() == ["none", *map(str, range(50))]


def test_28_of_the_50_operations_differ() -> None:
    functions = {candidates.function_of(str(i)) for i in range(50)}
    assert len(functions) == 28
    assert candidates.function_of("46-44-48") == "9-8-24"
    assert candidates.function_of("39-3-28") == "28-3-28"
    assert candidates.function_of("none") == "none"


def test_operations_that_change_nothing_do_not_count_to_the_effect() -> None:
    assert {candidates.effect_of(name) for name in ("3-28-7", "3-39-7", "39-3-7", "3-7")} == {"3-7"}
    assert candidates.effect_of("46-28-48") == "9-24"
    # A policy without effect still crops and mirrors; none does not.
    assert candidates.effect_of("28") == candidates.effect_of("39-28-39") == "identity"
    assert candidates.effect_of("none") == "none"


def test_rows_have_the_columns_and_add_up(scored: pd.DataFrame) -> None:
    assert tuple(scored.columns) == search.COLUMNS
    assert scored["policy"].tolist() == NAMES
    good = scored[scored["status"] == "ok"]
    assert (good["s_pri_n"] == 6).all()
    assert (good["s_acc_n"] == 2).all()
    assert (good["s_acc_rows"] == 3).all()
    assert (good["s_pri_low"] < good["s_pri"]).all()
    assert (good["s_pri"] < good["s_pri_high"]).all()
    # Each of the three classes has two images here.
    assert good["s_pri_class_mean"].to_numpy() == pytest.approx(good["s_pri"].to_numpy())
    assert (good["s_pri_class_var"] > 0).all()


def test_scores_are_those_of_the_policy(scored: pd.DataFrame) -> None:
    settings = {"view": VIEW, "seed": 3}
    private = search.privacy_score(model(), sample(6), SWITCHES, **settings)
    accurate = search.accuracy_score(make_init, sample(8), SWITCHES, **settings)
    row = scored.iloc[6]
    images, whole = private(parse("7-1-3"))
    assert row["s_pri"] == pytest.approx(images.mean().item())
    assert row["s_pri_std"] == pytest.approx(images.std().item())
    assert row["s_pri_global"] == pytest.approx(whole.mean().item())
    assert row["s_acc"] == pytest.approx(accurate(parse("7-1-3")).mean().item())


def test_an_operation_that_does_not_exist_is_a_failed_row(scored: pd.DataFrame) -> None:
    row = scored.iloc[2]
    assert (row["status"], row["reason"]) == ("failed", "transformation 50 does not exist")
    assert row[["s_pri", "s_acc"]].isna().all()
    assert (scored["status"] == "failed").sum() == 1


def test_a_score_that_is_not_finite_is_a_failed_row() -> None:
    broken = model()
    torch.nn.init.constant_(next(broken.parameters()), torch.nan)
    settings = {"view": VIEW, "seed": 3}
    candidates = pd.DataFrame({"candidate": [0], "policy": ["1"]})
    images = {"private": sample(6), "accurate": sample(8)}
    rest = {"subject": SUBJECT, "make_init": make_init, "search": SWITCHES}
    table = search.score_block(candidates, model=broken, **images, **rest, **settings)
    assert table["reason"].tolist() == ["a score is not finite"]


def test_repeats_are_scored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scored_policies = []
    original = search.PrivacyScore.repeated

    def spy(self: search.PrivacyScore, policy: object) -> object:
        scored_policies.append(policy.name)
        return original(self, policy)

    monkeypatch.setattr(search.PrivacyScore, "repeated", spy)
    table = block({0: "1", 1: "9-2", 2: "1", 3: "16-2"})
    assert scored_policies == ["1", "9-2"]
    assert table["s_pri"].nunique() == 2


def test_no_row_depends_on_the_block(scored: pd.DataFrame) -> None:
    parts = [block(dict(list(enumerate(NAMES))[start : start + 3])) for start in (0, 3, 6)]
    pd.testing.assert_frame_equal(results(pd.concat(parts)), results(scored), rtol=1e-9)


def test_a_killed_block_goes_on_to_the_same_rows(
    scored: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = search.AccuracyScore.__call__
    calls = []

    def interrupted(self: search.AccuracyScore, *arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(search.AccuracyScore, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        block(dict(enumerate(NAMES)), State(tmp_path, {"block": 0}, interval=0))
    resumed = block(dict(enumerate(NAMES)), State(tmp_path, {"block": 0}, interval=0))
    pd.testing.assert_frame_equal(results(resumed), results(scored), check_exact=True)
    # Of 8 candidates 3 were scored before the stop and 3 after it; 2 repeat others, 1 is broken.
    assert len(calls) == 6


def table_of(**columns: list) -> pd.DataFrame:
    count = len(columns["s_pri"])
    standard = {
        "candidate": list(range(count)),
        "policy": [str(i) for i in range(count)],
        "s_acc": [-60.0] * count,
        "s_acc_rows": [60.0] * count,
        "status": ["ok"] * count,
    }
    return pd.DataFrame({**standard, **columns})


def test_the_most_private_of_the_accurate_are_chosen() -> None:
    table = table_of(
        s_pri=[0.3, 0.1, 0.2, 0.2, 0.25, 0.05],
        s_acc=[-60.0, -85.01, -85.0, -70.0, -60.0, -60.0],
        status=["ok", "ok", "ok", "ok", "ok", "failed"],
    )
    scores, selected = selection.select(table.iloc[::-1], SWITCHES)
    assert scores["candidate"].tolist() == [0, 1, 2, 3, 4, 5]
    assert scores["passes"].tolist() == [True, False, True, True, True, False]
    assert scores["rank"].fillna(0).tolist() == [4, 0, 1, 2, 3, 0]
    assert selected["policy"].tolist() == ["2", "3"]
    assert selected["rank"].tolist() == [1, 2]


def test_the_threshold_per_image_does_not_know_the_number_of_classes() -> None:
    switches = {**SWITCHES, "s_acc": {**SWITCHES["s_acc"], "per_image": True}}
    table = table_of(s_pri=[0.1, 0.2, 0.3], s_acc=[-14.0, -13.0, -86.0], s_acc_rows=[10.0, 10, 65])
    scores, _ = selection.select(table, switches)
    assert scores["passes"].tolist() == [False, True, True]


def test_a_policy_drawn_twice_is_chosen_once() -> None:
    table = table_of(s_pri=[0.3, 0.1, 0.1, 0.2], policy=["5", "9-2", "9-2", "16-2"])
    scores, selected = selection.select(table, SWITCHES)
    assert selected["policy"].tolist() == ["9-2", "16-2"]
    assert scores["passes"].all()
    assert scores["rank"].fillna(0).tolist() == [3, 1, 0, 2]
    _, distinct = selection.select(table, {**SWITCHES, "distinct": True})
    assert distinct["policy"].tolist() == ["9-2", "5"]


def test_identities_do_not_make_a_policy_distinct() -> None:
    table = table_of(
        s_pri=[0.1, 0.2, 0.3, 0.4, 0.5], policy=["3-28-7", "39-3-7", "28", "39", "none"]
    )
    scores, selected = selection.select(table, {**SWITCHES, "distinct": True})
    assert selected["policy"].tolist() == ["3-28-7", "28"]
    assert scores["rank"].fillna(0).tolist() == [1, 0, 2, 0, 3]


def test_the_journal_version_mixes_mean_and_variance_over_classes() -> None:
    table = table_of(
        s_pri=[0.1, 0.2, 0.3],
        s_pri_class_mean=[0.1, 0.2, 0.3],
        s_pri_class_var=[0.05, 0.01, 0.03],
    )
    # 0.7 x (0, 0.5, 1) + 0.3 x (1, 0, 0.5)
    scores, selected = selection.select(table, {**SWITCHES, "variant": "tpami2023"})
    assert selected["policy"].tolist() == ["0", "1"]
    table["s_pri_class_var"] = [0.05, 0.01, 0.01]
    table["s_pri_class_mean"] = [0.1, 0.14, 0.3]
    _, selected = selection.select(table, {**SWITCHES, "variant": "tpami2023"})
    assert selected["policy"].tolist() == ["1", "0"]
    with pytest.raises(ReveilError, match="search.variant: 'tpami'"):
        selection.select(table, {**SWITCHES, "variant": "tpami"})


def test_too_few_policies_say_how_many_and_what_to_change() -> None:
    table = table_of(s_pri=[0.1, 0.2, 0.3], s_acc=[-90.0, -60.0, -91.0])
    with pytest.raises(ReveilError, match=r"of 3 candidates \(0 failed\) only 1 reach") as error:
        selection.select(table, SWITCHES)
    for key in ("search.s_acc.threshold = -85", "search.candidates", "search.final: 2"):
        assert key in str(error.value)


def test_interpolation_lists_the_curve_of_every_image() -> None:
    settings = {"view": VIEW, "seed": 3}
    private = search.privacy_score(model(), sample(6), SWITCHES, **settings)
    policies = [parse("none"), parse("7-1-3")]
    table = search.interpolation(policies, private, SUBJECT)
    assert list(table.columns) == [
        *SUBJECT,
        "policy",
        "image",
        "point",
        "gradsim",
        "gradsim_global",
    ]
    assert len(table) == 2 * 6 * 4
    one = table[(table["policy"] == "7-1-3") & (table["image"] == sample(6).index[2])]
    assert one["point"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    curves = private.curves(policies[1])[:, 2]
    assert one["gradsim"].tolist() == pytest.approx(curves[0].tolist())
    assert one["gradsim_global"].tolist() == pytest.approx(curves[1].tolist())
