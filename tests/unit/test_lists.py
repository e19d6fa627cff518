"""Lists of policies by name, and their scores with every repeat by itself."""

import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from reveil import lists, search
from reveil.candidates import draw_candidates, policy_list, single_candidates
from reveil.config.experiments import Page, expand_policies
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models import build, save_weights
from reveil.policies import parse
from reveil.stages.scoring import score_list, score_policies
from reveil.stages.work import Work
from tests.workflow import ROOT


def names(name: str, **settings: Any) -> list[str]:
    table = policy_list(name, **settings)
    assert list(table.columns) == ["candidate", "policy", "group"]
    assert set(table["group"]) == {name}
    assert len(table) == lists.list_size(name)
    return table["policy"].tolist()


def test_the_100_policies_of_drabent_et_al() -> None:
    policies = names("dra-100")
    assert len(policies) == len(set(policies)) == 100
    assert policies[:4] == ["1-27-35", "29-17-33", "33-38-8", "42-23-24"]
    assert (policies[10], policies[25], policies[57], policies[60]) == (
        "31",
        "45-2",
        "41-41-21",
        "41",
    )
    assert policies[-2:] == ["31-27-47", "14-36-19"]
    assert sorted(p for p in policies if "-" not in p) == ["16", "31", "41", "43"]
    assert [p for p in policies if p.count("-") == 1] == ["45-2", "47-25", "38-40", "43-35"]
    digest = hashlib.sha256(" ".join(policies).encode()).hexdigest()
    assert digest == "a87db532baa9b2ebd03e47575b097b3de9abbf136a443179ac9f1defabb96051"
    assert all(parse(policy).name == policy for policy in policies)
    assert names("dra-7") == policies[:7]


def test_random_policies_known_beforehand_are_those_that_are_drawn() -> None:
    drawn = names("random-100", slots=3, slot_max=49)
    assert lists.drawn_before("random-100", slots=3, slot_max=49) == tuple(drawn)
    assert lists.drawn_before("random-12", slots=3, slot_max=49) == tuple(drawn[:12])
    assert lists.drawn_before("random-101", slots=3, slot_max=49) is None
    assert lists.drawn_before("random-12", slots=3, slot_max=50) is None


def test_triples_of_the_best_ten_in_their_order() -> None:
    policies = names("top10-triples")
    assert len(policies) == len(set(policies)) == 120
    assert policies[:3] == ["3-15-1", "3-15-26", "3-15-12"]
    assert policies[-1] == "13-4-39"
    # 1 is the third of the ranking, 13 the eighth, 39 the last.
    assert "1-13-39" in policies
    assert "13-1-39" not in policies
    five = names("triples-of-top5")
    assert five == [
        *("3-15-1", "3-15-26", "3-15-12", "3-1-26", "3-1-12"),
        *("3-26-12", "15-1-26", "15-1-12", "15-26-12", "1-26-12"),
    ]
    assert set(five) < set(policies)


def test_singles_are_numbered_by_their_transformation() -> None:
    table = policy_list("singles")
    pd.testing.assert_frame_equal(table.drop(columns="group"), single_candidates())
    assert names("singles")[:3] == ["none", "0", "1"]


def test_random_lists_are_the_first_candidates_of_the_search_of_seed_0() -> None:
    table = policy_list("random-30", slots=2, slot_max=50)
    search_draws = draw_candidates(200, slots=2, slot_max=50, seed=0)
    pd.testing.assert_frame_equal(table.drop(columns="group"), search_draws.head(30))
    assert names("random-12") == draw_candidates(12, seed=0)["policy"].tolist()


def page() -> Page:
    origin = ("cifar100", "resnet20-4")
    return Page("ours", "fixed", "fixed", *origin, origin)


def test_every_seed_attacks_the_random_policies_that_every_seed_scores() -> None:
    """Else three seeds correlate three lists, each of whose policies was seen under one model."""
    switches = {"search": {"slots": 3, "slot_max": 49}}
    attacked = [expand_policies("plain-random-40", page(), switches, seed) for seed in range(3)]
    assert attacked[0] == attacked[1] == attacked[2]
    drawn = dict.fromkeys(names("random-40"))
    assert attacked[0] == [f"plain-{policy}" for policy in drawn if policy != "none"]
    # The search itself draws others under each seed.
    assert draw_candidates(40, seed=1)["policy"].tolist() != names("random-40")
    assert expand_policies("dra-3", page(), switches, 2) == ["1-27-35", "29-17-33", "33-38-8"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dra100", "dra-100"),
        ("dra-101", "dra-100"),
        ("top10-triple", "top10-triples"),
        ("random-0", "random-N"),
        ("random", "random-N"),
        ("single", "singles"),
    ],
)
def test_an_unknown_list_names_the_nearest(name: str, hint: str) -> None:
    match = rf"policy list: '{name}' is not allowed; .* did you mean '{hint}'\?"
    with pytest.raises(ReveilError, match=match):
        policy_list(name)
    with pytest.raises(ReveilError, match=match):
        lists.list_size(name)


def test_lists_are_known_without_torch_and_pandas() -> None:
    code = "import sys, reveil.lists; print({'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )
    assert done.stdout.strip() == "set()"


# --- scores of a list ---------------------------------------------------------------------------

RULE = {"split": "test", "start": 0}
SEARCH = {
    "s_pri": {
        "images": RULE | {"step": 1, "count": 4},
        **{"points": 2, "quadrature": "trapezoid", "gradsim": "per_tensor", "repeats": 1},
    },
    "s_acc": {
        "images": RULE | {"batches": 2, "batch_size": 4},
        **{"inits": "one", "init_count": 1, "dedup": False},
    },
}
RECIPE = {
    "holdout": 0,
    "fmnist_pipeline": "native28",
    "policy_channels": 1,
    "normalisation": "dataset",
}
NAMED = {"protocol": "fixed", "dataset": "fashion-mnist-demo", "model": "lenetzhu", "seed": "3"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Twelve smooth images in each split, and a network that was never trained."""
    folder = tmp_path_factory.mktemp("list")
    stream = torch.Generator().manual_seed(0)
    coarse = torch.rand(12, 1, 5, 5, generator=stream)
    images = (torch.nn.functional.interpolate(coarse, 28, mode="bilinear") * 255).byte().numpy()
    for split in ("train", "test"):
        (folder / split).mkdir()
        np.save(folder / split / "images.npy", images)
        np.save(folder / split / "labels.npy", np.arange(12) % 10)
    facts = {"model": "lenetzhu", "channels": 1, "size": 28, "classes": 10}
    save_weights(folder / "w.safetensors", network(), facts)
    prepared = folder / "test" / "images.npy"
    return {"prepared": str(prepared), "weights": str(folder / "w.safetensors")}


def network() -> torch.nn.Module:
    return build("lenetzhu", channels=1, size=28, classes=10, seed=0)


def work(folder: Path) -> Work:
    def state(output: str, identity: dict[str, Any], interval: float) -> State:
        return State(folder / output, identity, interval=interval)

    job = SimpleNamespace(device=torch.device("cpu"), state=state)
    return Work(job, NAMED, {"search": SEARCH, "recipe": RECIPE}, "scores.csv", state_seconds=0)


LISTED = pd.DataFrame(
    {"candidate": [-1, 4, 9, 50], "policy": ["none", "9-2", "16-2", "50"], "group": "mine"}
)


def test_a_list_is_scored_with_every_repeat(files: dict[str, str], tmp_path: Path) -> None:
    scores, repeats, state = score_list(work(tmp_path), LISTED, 3, **files)
    assert list(scores.columns) == [*search.COLUMNS, "group"]
    assert list(repeats.columns) == [*search.REPEAT_COLUMNS, "group"]
    assert scores["candidate"].tolist() == [-1, 4, 9, 50]
    assert scores["status"].tolist() == ["ok"] * 3 + ["failed"]
    assert set(scores["group"]) == set(repeats["group"]) == {"mine"}
    assert repeats["candidate"].tolist() == [-1] * 3 + [4] * 3 + [9] * 3
    assert repeats["policy"].tolist() == ["none"] * 3 + ["9-2"] * 3 + ["16-2"] * 3
    assert repeats["repeat"].tolist() == [0, 1, 2] * 3
    assert set(repeats["seed"]) == {"3"}
    means = repeats.groupby("candidate")["s_pri"].mean()
    assert means.tolist() == pytest.approx(scores["s_pri"][:3].tolist(), rel=1e-12)
    assert repeats.groupby("candidate")["s_pri"].nunique().tolist() == [3, 3, 3]
    # 16 does what 9 does.
    assert repeats["s_pri"][3:6].tolist() == repeats["s_pri"][6:].tolist()
    # A later start takes the rows that were kept, their repeats too.
    again, repeated, _ = score_list(work(tmp_path), LISTED, 3, **files)
    pd.testing.assert_frame_equal(again, scores, check_exact=True)
    pd.testing.assert_frame_equal(repeated, repeats, check_exact=True)
    state.clear()


def test_the_first_repeat_is_the_score_of_one_repeat(files: dict[str, str], tmp_path: Path) -> None:
    _, repeats, _ = score_list(work(tmp_path / "a"), LISTED, 2, **files)
    once, _ = score_policies(work(tmp_path / "b"), LISTED, **files)
    first = repeats[repeats["repeat"] == 0]["s_pri"]
    assert first.tolist() == pytest.approx(once["s_pri"][:3].tolist(), rel=1e-12)


def test_each_repeat_of_a_policy_is_worked_on_once(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start points are worked on once for all policies, and no repeat a second time."""
    done: list[tuple[str, int]] = []
    starts: list[int] = []
    piece, start = search.PrivacyScore._piece, search.PrivacyScore._draw_starts

    def spy(self: search.PrivacyScore, policy: Any, repeat: int, rows: slice) -> torch.Tensor:
        done.append((policy.name, repeat))
        return piece(self, policy, repeat, rows)

    def spy_start(self: search.PrivacyScore, repeat: int) -> torch.Tensor:
        starts.append(repeat)
        return start(self, repeat)

    monkeypatch.setattr(search.PrivacyScore, "_piece", spy)
    monkeypatch.setattr(search.PrivacyScore, "_draw_starts", spy_start)
    score_list(work(tmp_path), LISTED, 2, **files)
    assert done == [("none", 0), ("none", 1), ("9-2", 0), ("9-2", 1)]
    assert starts == [0, 1]


def test_without_a_scored_policy_there_are_no_repeats_but_their_columns(
    files: dict[str, str], tmp_path: Path
) -> None:
    _, repeats, _ = score_list(work(tmp_path), LISTED.tail(1), 2, **files)
    assert list(repeats.columns) == [*search.REPEAT_COLUMNS, "group"]
    assert repeats.empty
