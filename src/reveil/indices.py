"""Which images a protocol uses: index rules, the held-out images and the training subsets.

Used while the graph is planned, so it imports NumPy at most. Two kinds of rule name images of a
``split`` (``train``, ``test``, or ``heldout``: training images that no training sees):

* ``{split, start, step, count}``: ``count`` images from ``start``, every ``step``-th. With
  ``balanced: true`` instead of ``start`` and ``step``: the first images of each class, taken in
  turn, so that any prefix is as balanced as it can be.
* ``{split, start, batches, batch_size}``: consecutive batches.

Positions in ``heldout`` count through the held-out images in the order of the training set.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from reveil.datasets import Dataset
from reveil.errors import ReveilError, not_allowed

SPLITS = ("test", "train", "heldout")
IMAGE_KEYS = ("split", "start", "step", "count", "balanced")
BATCH_KEYS = ("split", "start", "batches", "batch_size")
SUBSET_RULES = ("all", "stratified", "random", "first")
HOLDOUT_SEED = 0

Rule = Mapping[str, Any]


def check_rule(rule: Rule, dataset: Dataset, holdout: int) -> list[str]:
    """Return everything that is wrong with an index rule; an empty list when it can be resolved.

    Args:
        rule: see the module.
        dataset: its counts bound the indices.
        holdout: how many training images the protocol holds out.
    """
    problems = _form_problems(rule)
    if problems:
        return problems
    split, train = rule["split"], dataset.counts["train"]
    if split == "heldout" and holdout == 0:
        return ["split: 'heldout' needs held-out images, but holdout is 0"]
    if split == "heldout" and holdout >= train:
        return [f"holdout: {holdout} leaves none of {dataset.name}'s {train} training images"]
    available = holdout if split == "heldout" else dataset.counts[split]
    last = _last(rule)
    if last >= available:
        return [
            f"the rule reaches image {last} of {split}, "
            f"but {dataset.name} has {available} there (0 to {available - 1})"
        ]
    return []


def _form_problems(rule: Rule) -> list[str]:
    batched = "batches" in rule or "batch_size" in rule
    keys = BATCH_KEYS if batched else IMAGE_KEYS
    required = ("batches", "batch_size") if batched else ("count",)
    problems = [not_allowed("index rule", key, keys) for key in rule if key not in keys]
    if rule.get("split") not in SPLITS:
        problems.append(not_allowed("split", rule.get("split"), SPLITS))
    problems += [f"{key}: is missing" for key in required if key not in rule]
    problems += _number_problems(rule)
    balanced = rule.get("balanced", False)
    if not isinstance(balanced, bool):
        problems.append(f"balanced: {balanced!r} is not allowed; allowed: true, false")
    elif balanced:
        problems += [
            f"{key}: {rule[key]!r} is not allowed with balanced: true, "
            "which takes the first images of each class"
            for key, neutral in (("start", 0), ("step", 1))
            if rule.get(key, neutral) != neutral
        ]
    return problems


def _number_problems(rule: Rule) -> list[str]:
    lowest = {"start": 0, "step": 1, "count": 1, "batches": 1, "batch_size": 1}
    return [
        f"{key}: {rule[key]!r} is not allowed; allowed: whole numbers from {least}"
        for key, least in lowest.items()
        if key in rule and (type(rule[key]) is not int or rule[key] < least)
    ]


def _last(rule: Rule) -> int:
    # A balanced rule has neither start nor step, and needs as many images as it counts.
    return rule.get("start", 0) + (size(rule) - 1) * rule.get("step", 1)


def size(rule: Rule) -> int:
    """Return how many images a rule names."""
    return rule["batches"] * rule["batch_size"] if "batches" in rule else rule["count"]


def resolve(rule: Rule, labels_by_split: Mapping[str, np.ndarray], holdout: int) -> np.ndarray:
    """Return the images of a rule in their split's own numbering.

    Args:
        rule: see the module.
        labels_by_split: labels of ``train`` and ``test``; only the split that is used is needed.
        holdout: how many training images the protocol holds out.

    Returns:
        int64 indices, (count,), or (batches, batch_size) for a rule with batches. Those of
        ``heldout`` are indices into ``train``.

    Raises:
        ReveilError: the rule names images that do not exist.
    """
    problems = _form_problems(rule)
    if problems:
        raise ReveilError("; ".join(problems))
    labels = labels_by_split["test" if rule["split"] == "test" else "train"]
    pool = (
        holdout_indices(labels, holdout) if rule["split"] == "heldout" else np.arange(len(labels))
    )
    last = _last(rule)
    if last >= len(pool):
        raise ReveilError(
            f"an index rule needs image {last} of {rule['split']}, which has {len(pool)} images"
        )
    if rule.get("balanced", False):
        return pool[interleaved(labels[pool])[: size(rule)]]
    chosen = pool[rule.get("start", 0) : last + 1 : rule.get("step", 1)]
    return chosen.reshape(rule["batches"], -1) if "batches" in rule else chosen


def interleaved(labels: np.ndarray) -> np.ndarray:
    """Return all positions so that any prefix is as balanced over the classes as it can be.

    The first image of every class comes first, in the order of the classes, then the second of
    every class, and so on; a class that runs out is left out.
    """
    return np.lexsort((labels, _turns(labels)))


def _turns(labels: np.ndarray) -> np.ndarray:
    """Return for every position how many of its class come before it."""
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], labels[by_class], side="left")
    turns = np.empty(len(labels), dtype=np.int64)
    turns[by_class] = np.arange(len(labels)) - starts
    return turns


def holdout_indices(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the training images that no training sees: stratified, ascending, the same for ever.

    The choice does not depend on the seed of a run, so that all seeds are searched on the same
    images.

    Raises:
        ReveilError: ``count`` is negative or leaves nothing to train on.
    """
    if not 0 <= count < max(len(labels), 1):
        raise ReveilError(
            f"holdout: {count!r} is not allowed; allowed: 0 to {len(labels) - 1}, "
            f"for {len(labels)} training images"
        )
    return _stratified(np.arange(len(labels)), labels, count, HOLDOUT_SEED, "holdout")


def training_indices(labels: np.ndarray, subset: Rule, holdout: int, seed: int) -> np.ndarray:
    """Return the training images of a recipe, ascending; the held-out ones are never among them.

    ``fraction`` is of the whole training set, so that holding images out does not shrink a
    subset; where it asks for more than is left, all that is left is taken.

    Args:
        labels: of the whole training set.
        subset: ``rule`` (``all``; ``stratified``: classes in the proportion they have;
            ``random``; ``first``: lowest indices) and ``fraction`` in (0, 1], unused by ``all``.
        holdout: how many training images are held out.
        seed: of the run; used by ``stratified`` and ``random``.

    Raises:
        ReveilError: an unknown rule, or a fraction outside (0, 1] or too small for one image.
    """
    rule = subset.get("rule")
    if rule not in SUBSET_RULES:
        raise ReveilError(not_allowed("subset.rule", rule, SUBSET_RULES))
    pool = np.setdiff1d(np.arange(len(labels)), holdout_indices(labels, holdout))
    if rule == "all":
        return pool
    count = min(_subset_size(subset.get("fraction"), len(labels)), len(pool))
    if rule == "first":
        return pool[:count]
    if rule == "random":
        return np.sort(pool[_shuffled(len(pool), seed, "subset random")[:count]])
    return _stratified(pool, labels, count, seed, "subset stratified")


def _subset_size(fraction: Any, total: int) -> int:
    number = isinstance(fraction, int | float) and not isinstance(fraction, bool)
    if not number or not 0 < fraction <= 1:
        raise ReveilError(
            f"subset.fraction: {fraction!r} is not allowed; allowed: above 0, up to 1"
        )
    count = round(fraction * total)
    if count == 0:
        raise ReveilError(f"subset.fraction: {fraction!r} of {total} images is not one image")
    return count


def _stratified(
    pool: np.ndarray, labels: np.ndarray, count: int, seed: int, purpose: str
) -> np.ndarray:
    """Return ``count`` of ``pool``, ascending, every class in the proportion it has there."""
    shuffled = pool[_shuffled(len(pool), seed, purpose)]
    turns, classes = _turns(labels[shuffled]), labels[shuffled]
    return np.sort(shuffled[turns < _quotas(labels[pool], count)[classes]])


def _quotas(labels: np.ndarray, count: int) -> np.ndarray:
    """Return how many images each class gives: largest remainders, ties to the lower class."""
    present = np.bincount(labels)
    # In whole numbers: a rounding error would decide ties.
    quotas, remainders = np.divmod(present * count, max(len(labels), 1))
    left = count - quotas.sum()
    quotas[np.argsort(-remainders, kind="stable")[:left]] += 1
    return quotas


def _shuffled(count: int, seed: int, purpose: str) -> np.ndarray:
    """Return a permutation of ``range(count)`` that is the stream (seed, purpose)'s own.

    NumPy keeps the raw output of a bit generator the same in all versions, which it does not
    promise for ``Generator.permutation``; so the order is that of raw draws.
    """
    text = f"{int(seed)}\x1f{purpose}"
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    draws = np.random.PCG64(int.from_bytes(digest, "big")).random_raw(count)
    return np.argsort(draws, kind="stable")
