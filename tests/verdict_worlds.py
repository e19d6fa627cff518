"""Made-up tables in which a claim holds, fails, or cannot be told."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pandas as pd

from reveil.verdicts.criteria import JUDGED_PROTOCOLS, Claim, Test
from reveil.verdicts.units import resolved

Named = dict[str, str]
Means = Callable[[Named], Mapping[str, float]]
IMAGES, SEEDS, POLICIES = 9, (0, 1, 2), 40
ITERATIONS = 4800


def small(claim: Claim) -> Claim:
    """Return the claim with a scope that tables of few images, seeds and policies meet."""
    few = replace(
        claim.scope,
        min_images=min(IMAGES, claim.scope.min_images),
        min_policies=min(POLICIES, claim.scope.min_policies),
    )
    return replace(claim, scope=few)


def tables(claim: Claim, means: Means, noise: float = 1e-3) -> Callable[[str], pd.DataFrame | None]:
    """Return the tables of a claim: every cell that its tests and references name.

    Args:
        claim: The claim.
        means: What names a cell -> column -> its mean over images, or over seeds.
        noise: Least distance of single values from it.
    """
    made: dict[str, list[pd.DataFrame]] = {}
    for table in {test.table for test in claim.tests}:
        tests = [test for test in claim.tests if test.table == table]
        places = product(claim.scope.datasets, claim.scope.models)
        cells = {
            tuple(sorted(named.items())): named
            for dataset, model in places
            for test in tests
            for named in _cells(claim, test, {"dataset": dataset, "model": model})
        }
        made[table] = [
            _rows(table, named, means(named), noise, number)
            for number, named in enumerate(cells.values())
        ]
    frames = {name: pd.concat(parts, ignore_index=True) for name, parts in made.items()}
    return frames.get


def _cells(claim: Claim, test: Test, place: Named) -> Iterator[Named]:
    """Yield what names the cells of a test, and of those that it compares them with."""
    base = {**place, "protocol": JUDGED_PROTOCOLS[claim.study][0], "policy": "none"}
    if test.table in ("images", "layers"):
        base |= {"attack": "inversed", "recipe": "full", "defence": "none"}
    elif test.table in ("models", "attackers"):
        base |= {"recipe": "full"}
    keys = [key for key in test.select if key not in ("best", "group")]
    for values in product(*(test.select[key] for key in keys)):
        named = base | dict(zip(keys, map(str, values), strict=True))
        for other in ({}, test.reference, test.baseline):
            yield _named({**named, **other})


def _named(named: Named) -> Named:
    return {**named, "policy": resolved(named["policy"], named)}


def _rows(
    table: str, named: Named, means: Mapping[str, float], noise: float, number: int
) -> pd.DataFrame:
    many = IMAGES if table in ("images", "layers") else 1
    image, seed = np.meshgrid(np.arange(many), SEEDS)
    frame: dict[str, Any] = {**named, "seed": seed.ravel()}
    if many > 1:
        frame |= {"image": image.ravel(), "status": "ok", "iterations": ITERATIONS}
    if table == "attackers":
        frame["best"] = 1
    who = image if many > 1 else seed
    for place, (column, mean) in enumerate(means.items()):
        away = _away(number * len(means) + place, who.max() + 1)
        frame[column] = mean + noise * away[who.ravel()]
    return pd.DataFrame(frame)


def _away(number: int, count: int) -> np.ndarray:
    """Return distances of mean 0 for the column of this number, in another order for each.

    Of no mean, as one of many random columns would contradict by chance; in another order, so that
    the differences of two of them keep their noise. Three values have six orders only: columns
    that share one differ in size.
    """
    ladder = np.linspace(-1, 1, count)
    if count > len(SEEDS):
        return np.random.default_rng(number).permutation(ladder)
    orders = list(permutations(ladder))
    return (1 + number // len(orders) % 4 / 4) * np.array(orders[number % len(orders)])


def correlated(
    claim: Claim, slope: float, noise: float, floor: float = 0.0
) -> Callable[[str], pd.DataFrame | None]:
    """Return policies whose PSNR is ``slope`` times their S_pri, plus noise and their floor."""
    generator = np.random.default_rng(0)
    score = np.linspace(0.1, 0.9, POLICIES)
    by = generator.standard_normal(POLICIES)
    by -= np.polyval(np.polyfit(score, by, 1), score)
    by /= by.std()
    frame = pd.DataFrame(
        {
            "protocol": "fixed",
            "dataset": claim.scope.datasets[0],
            "model": claim.scope.models[0],
            "victim": "plain",
            "attack": "inversed",
            "seed": 0,
            "policy": [f"p{i}" for i in range(POLICIES)],
            "s_pri": score,
            "floor_db": floor * score + (0.01 + 0.03 * floor) * generator.standard_normal(POLICIES),
            "n_images": 100,
            "iterations": ITERATIONS,
        }
    )
    frame["psnr_db"] = slope * score + noise * by + frame["floor_db"]
    return {"correlation": frame}.get


def singles(claim: Claim, best: list[int], error: float) -> Callable[[str], pd.DataFrame | None]:
    """Return scores of single transformations of which ``best`` are the lowest."""
    rows = [
        {
            "protocol": "fixed",
            "dataset": claim.scope.datasets[0],
            "model": claim.scope.models[0],
            "seed": seed,
            "candidate": index,
            "s_pri": 0.01 * best.index(index) if index in best else 0.5 + 0.001 * index,
            "s_pri_std": error * np.sqrt(100),
            "s_pri_n": 100,
            "status": "ok",
        }
        for seed in SEEDS
        for index in range(50)
    ]
    return {"singles": pd.DataFrame(rows)}.get


def scored(
    claim: Claim, worse: float, beaten: float, lower: float, noise: float = 1e-3
) -> Callable[[str], pd.DataFrame | None]:
    """Return grouped scores of policies.

    Args:
        claim: The claim.
        worse: Share of random policies with a higher S_pri and a lower S_acc than None.
        beaten: Share of random policies that triples of the best beat.
        lower: S_pri of random policies less that of those with two of the best.
        noise: Standard deviation of scores.
    """
    generator = np.random.default_rng(0)
    groups = {"none": 1, "random": POLICIES, "two-of-top10": POLICIES, "triples-of-top5": 10}
    rows = []
    for seed in SEEDS:
        for group, count in groups.items():
            for i in range(count):
                bad = i < worse * count
                score = 0.3 + (0.1 if bad else -0.1)
                score -= lower * (group == "two-of-top10")
                rows.append(
                    {
                        "protocol": "fixed",
                        "dataset": claim.scope.datasets[0],
                        "model": claim.scope.models[0],
                        "seed": seed,
                        "policy": "none" if group == "none" else f"{group}-{i}",
                        "group": group,
                        "s_pri": 0.3 if group == "none" else score + noise * generator.normal(),
                        "s_acc": -100.0 if group == "none" else (-150.0 if bad else -50.0),
                        "s_pri_n": 100,
                        "status": "ok",
                        "policies_beaten_share": beaten + noise * generator.normal()
                        if group == "triples-of-top5"
                        else np.nan,
                    }
                )
    return {"scores": pd.DataFrame(rows)}.get
