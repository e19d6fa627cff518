"""Every criterion of config/claims.yaml on tables in which it must come out each way."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from reveil.verdicts.criteria import read_claims
from reveil.verdicts.decide import Verdict
from reveil.verdicts.judge import judge
from tests.verdict_worlds import correlated, scored, singles, small, tables

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = {claim.id: claim for claim in read_claims([ROOT / "config" / "claims.yaml"], ROOT)}
SUPPORTED, CONTRADICTED, UNDECIDED = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.UNDECIDED
PLAIN = ("none", "crop-flip")
RESAMPLES = 200


def gains(plain: float, policy: float) -> Callable[[Mapping[str, str]], Mapping[str, float]]:
    """Attacks gain so much with and without a policy; accuracies are equal."""

    def means(named):
        gain = plain if named["policy"] in PLAIN else policy
        return {
            "gain_db": gain,
            "psnr_db": 10 + gain,
            "accuracy_clean_pct": 90.0,
            "accuracy_transformed_pct": 90.0,
            "train_seconds": 60.0,
        }

    return means


def accuracies(policy: float, plain: float = 90.0, gain: float = -3.0):
    """Policies cost so much accuracy."""

    def means(named):
        accuracy = plain if named["policy"] in PLAIN else policy
        changed = {"accuracy_clean_pct": accuracy, "accuracy_transformed_pct": accuracy}
        return {**gains(3.0, gain)(named), **changed}

    return means


def by(key: str, chosen: Mapping[str, Mapping[str, float]], other: Mapping[str, float]):
    """Cells of some values in a column have their own means, all others the same."""
    return lambda named: {**other, **chosen.get(named.get(key, ""), {})}


def layers(shallow: float, deep: float):
    """A policy changes the cosine of shallow and deep layers so much."""
    change = {"shallow": shallow, "deep": deep}
    return lambda named: {"cosine": 0.5 + (named["policy"] not in PLAIN) * change[named["layer"]]}


def translated(aware: float, default: float = -3.0):
    """Under a policy an attacker who knows of translations gains so much, the default one less."""

    def means(named):
        hit = aware if named["attack"] == "inversed-translation" else default
        gain = 3.0 if named["policy"] in PLAIN else hit
        return {"gain_db": gain, "psnr_db": 10 + gain}

    return means


def hidden(rotated: float, either: float, plain: float = 0.03):
    """Errors of attackers on rotated features and on plain ones, and of the nearer guess."""
    errors = {"rmse_mean_colour": 0.3, "rmse_blend": 0.2}
    return by(
        "policy",
        {"rotation": {"rmse": rotated, "rmse_either": either}},
        {"rmse": plain, "rmse_either": plain, **errors},
    )


def rotated_accuracy(change: float):
    return by(
        "policy", {"rotation": {"accuracy_clean_pct": 90 + change}}, {"accuracy_clean_pct": 90.0}
    )


def ends(error: float, epochs: float):
    """A linear end changes error and epochs so much against one with a ReLU."""
    return by(
        "policy",
        {"rotation": {"rmse": 0.1 + error, "epoch": 20 + epochs}},
        {"rmse": 0.1, "epoch": 20},
    )


def swapped(error: float, accuracy: float):
    return by(
        "policy",
        {"core-linear-off-swap": {"rmse": 0.1 + error, "accuracy_clean_pct": 90 + accuracy}},
        {"rmse": 0.1, "accuracy_clean_pct": 90.0},
    )


def either(error: float):
    return lambda named: {"rmse_either": error, "rmse_blend": 0.2}


def angle(error: float):
    return lambda named: {"angle_error_rad": error}


def reconstructed(unir: float, **others: float):
    """PSNR of UNIR, and of other recipes and methods; 15 dB for those that are not named."""
    psnr = {name.replace("_", "-"): value for name, value in others.items()}

    def means(named):
        if named["recipe"] == "unir":
            return {"psnr_db": unir}
        who = named["recipe"] if named["recipe"] != "none" else named["attack"]
        return {"psnr_db": psnr.get(who, 15.0)}

    return means


# Claim -> tables in which it is supported; ways in which it is contradicted, one for each test that
# decides where tests can fail one by one.
MEANS = {
    "ats-claim-1": (gains(3, -3), [gains(3, 2), gains(3, 4)]),
    "ats-claim-2": (gains(3, -3), [gains(3, 2)]),
    "ats-claim-3": (gains(3, -3), [gains(3, 4), accuracies(85.0)]),
    "ats-claim-4": (accuracies(89.8), [accuracies(85.0)]),
    "ats-claim-5": (layers(-0.2, 0.0), [layers(0.2, 0.0), layers(-0.2, -0.2), layers(-0.2, 0.2)]),
    "ats-ext-01": (gains(3, -3), [gains(3, 4), accuracies(85.0)]),
    "ats-w-claim-2": (gains(3, -3), [gains(3, 4), accuracies(85.0)]),
    "ats-w-insight-1": (translated(2.0), [translated(-2.0), translated(0.6, default=0.5)]),
    "cvnn-claim-1": (hidden(0.25, 0.22), [hidden(0.05, 0.22), hidden(0.25, 0.1)]),
    "cvnn-claim-2": (rotated_accuracy(-0.5), [rotated_accuracy(-5), rotated_accuracy(5)]),
    "cvnn-k-linear": (ends(0.001, 10), [ends(0.1, 10), ends(-0.1, 10), ends(0.001, -10)]),
    "cvnn-k-swap": (swapped(0.1, -0.5), [swapped(0.0, -0.5), swapped(0.1, -5)]),
    "cvnn-k-two": (either(0.1), [either(0.19), either(0.25)]),
    "cvnn-k-angle": (angle(0.05), [angle(1.5)]),
    "unir-claim-1": (
        reconstructed(20),
        [
            reconstructed(20, keep=21),
            reconstructed(20, cond_ambient=21),
            reconstructed(20, tv=21),
            reconstructed(20, biharmonic=21),
            reconstructed(20, wiener=21),
        ],
    ),
    "unir-claim-2": (
        reconstructed(20),
        [reconstructed(20, unpaired=22), reconstructed(20, paired=22)],
    ),
    "unir-g-reproducible": (
        reconstructed(20),
        [reconstructed(20, mean_fill=18), reconstructed(20, keep=18)],
    ),
    "unir-g-improves": (reconstructed(20), [reconstructed(20, keep=20.2)]),
    "unir-g-models": (
        reconstructed(20),
        [reconstructed(20, keep=21), reconstructed(20, cond_ambient=20.2)],
    ),
}
LISTED, OTHERS = [3, 15, 26, 18, 1], [2, 6, 7, 11, 16]
# Claim -> verdict -> functions from the claim to its tables.
MADE = {
    "ats-claim-6": {
        SUPPORTED: [
            lambda claim: singles(claim, LISTED, 1e-4),
            lambda claim: singles(claim, [*LISTED[:4], OTHERS[0]], 1e-4),
        ],
        CONTRADICTED: [
            lambda claim: singles(claim, OTHERS, 1e-4),
            lambda claim: singles(claim, [*LISTED[:3], *OTHERS[:2]], 1e-4),
        ],
        UNDECIDED: [lambda claim: singles(claim, LISTED, 2.0)],
    },
    "ats-ext-02": {
        SUPPORTED: [lambda claim: singles(claim, [*LISTED[:3], *OTHERS[:2]], 1e-4)],
        CONTRADICTED: [
            lambda claim: singles(claim, OTHERS, 1e-4),
            lambda claim: singles(claim, [*LISTED[:2], *OTHERS[:3]], 1e-4),
        ],
        UNDECIDED: [lambda claim: singles(claim, LISTED, 2.0)],
    },
    "ats-claim-7": {
        SUPPORTED: [lambda claim: correlated(claim, 10, 0.5)],
        CONTRADICTED: [
            lambda claim: correlated(claim, -10, 0.5),
            # All of the correlation is the floor's.
            lambda claim: correlated(claim, -2, 0.01, floor=10),
        ],
        UNDECIDED: [lambda claim: correlated(claim, 1.5, 0.5)],
    },
    "ats-w-claim-1": {
        SUPPORTED: [lambda claim: correlated(claim, 10, 0.5)],
        CONTRADICTED: [lambda claim: correlated(claim, -10, 0.5)],
        UNDECIDED: [lambda claim: correlated(claim, 0.7, 0.5)],
    },
    "ats-w-insight-2": {
        SUPPORTED: [lambda claim: scored(claim, 0.8, 0.97, 0.0)],
        CONTRADICTED: [lambda claim: scored(claim, 0.2, 0.97, 0.0)],
        UNDECIDED: [lambda claim: scored(claim, 0.5, 0.97, 0.0)],
    },
    "ats-w-insight-3": {
        SUPPORTED: [lambda claim: scored(claim, 0.8, 0.97, 0.1)],
        CONTRADICTED: [
            lambda claim: scored(claim, 0.8, 0.5, 0.1),
            lambda claim: scored(claim, 0.8, 0.97, -0.1),
        ],
        UNDECIDED: [lambda claim: scored(claim, 0.8, 0.9, 0.1, noise=0.5)],
    },
}


def worlds(name: str):
    """Return verdict -> functions from a claim to tables that must give it."""
    if name in MADE:
        return MADE[name]
    holds, fails = MEANS[name]
    return {
        SUPPORTED: [lambda claim: tables(claim, holds)],
        CONTRADICTED: [lambda claim, means=means: tables(claim, means) for means in fails],
        UNDECIDED: [lambda claim: tables(claim, holds, noise=30.0)],
    }


@cache
def judged(name: str, verdict: Verdict, number: int):
    claim = small(CLAIMS[name])
    made = worlds(name)[verdict][number]
    iterations = {"zhu": 50, "inversed-lbfgs-sim": 300}
    return judge(claim, made(claim), iterations=iterations, resamples=RESAMPLES)


@pytest.mark.parametrize(
    ("name", "verdict", "number"),
    [
        (name, verdict, number)
        for name in CLAIMS
        for verdict, made in worlds(name).items()
        for number in range(len(made))
    ],
)
def test_a_criterion_comes_out(name, verdict, number):
    found = judged(name, verdict, number)
    assert found.verdict == verdict, [
        (n.test.name, n.cell.named, n.estimate, str(n.verdict), n.short) for n in found.numbers
    ]


@pytest.mark.parametrize("name", CLAIMS)
def test_every_deciding_test_can_fail_alone_or_with_its_claim(name):
    """Each of them contradicts in one of the made-up worlds, so that none is without effect."""
    failed = {
        entry.test.name
        for number in range(len(worlds(name)[CONTRADICTED]))
        for entry in judged(name, CONTRADICTED, number).tests
        if entry.verdict == CONTRADICTED
    }
    assert {test.name for test in CLAIMS[name].of_role("decides")} <= failed


@pytest.mark.parametrize("name", CLAIMS)
def test_less_than_the_scope_is_not_run_and_demonstrates(name):
    made = worlds(name)[SUPPORTED][0]
    more = replace(CLAIMS[name].scope, min_images=10**6, min_seeds=4)
    claim = replace(CLAIMS[name], scope=more)
    found = judge(claim, made(claim), resamples=RESAMPLES)
    assert found.verdict == found.adjusted == Verdict.NOT_RUN
    assert "of 4 seeds" in found.reason
    assert found.demonstration == "supports"
    assert found.demonstrated


@pytest.mark.parametrize("name", CLAIMS)
def test_without_any_table_a_claim_is_not_run(name):
    found = judge(CLAIMS[name], lambda table: None)
    assert (found.verdict, found.demonstration) == (Verdict.NOT_RUN, "no data")
    assert found.deciding() is None
