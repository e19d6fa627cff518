"""The table of inference attacks: what is learned of an image beyond the task."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from reveil import datasets
from reveil.cvnn import tasks
from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import (
    KEYS,
    error_share,
    hidden_chance_error_pct,
    networks_behind,
    percent,
)
from reveil.cvnn.tables.measures import (
    beside,
    counts,
    groups,
    mean,
    of_one_recipe,
    prepared,
    scaled,
    seed_deviation,
    share,
    under,
)
from reveil.errors import ReveilError
from reveil.statistics import Estimate
from reveil.tables.measures import interval_columns

_ERROR = "inference_error"


def inference_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    *,
    by: Sequence[str] = ("policy", "attack"),
    tasks_of: Mapping[str, str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the errors of inference attacks: one row per protocol, dataset, model and ``by``.

    The error is in percent: the share of images whose class was not found, with Wilson's interval;
    or the mean share of attributes that are wrong, with the bootstrap's. Beside it a guess of
    nothing (``chance_error_pct``), for attributes that of each one's commoner value
    (``majority``), for classes that of the commonest one behind the image's class in the task
    (``given_task``, :func:`reveil.cvnn.targets.commonest_given`), the same attacker on unprotected
    features, image by image, and the error of the task, which is not comparable where it has fewer
    classes: ``hidden_task_error`` is of the same network trained for what is inferred.

    Args:
        images: The tidy table; rows of attacks that infer nothing are left out.
        models: Rows of models.csv.
        by: Columns of ``images`` that make the rows of one protocol, dataset and model.
        tasks_of: Dataset -> the dataset whose task is what is inferred, ``cifar100`` for
            ``cifar100-coarse``.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no attack infers anything, a column that is none, or a row that would mix two
            settings.
    """
    images = prepared(images)
    classes = 1 - images["label_correct"]
    images = images.assign(**{_ERROR: classes.fillna(images["attribute_error"])})
    inferring = images.groupby(["policy", "attack"])[_ERROR].transform("count") > 0
    if not inferring.any():
        raise ReveilError("images: no attack of the tidy table infers anything")
    images = images[inferring]
    rows = []
    for named, attacked in groups(images, by):
        row = named | counts(attacked, _ERROR) | _error(attacked, seed)
        row["chance_error_pct"] = hidden_chance_error_pct(str(named["dataset"]))
        majority = scaled(mean(attacked, "attribute_error_majority", seed), 100)
        row |= interval_columns("majority_error", majority, "_pct")
        given = share(attacked, 1 - attacked["label_correct_task"].astype(float))
        row |= percent("given_task_error", given) | {"given_task_n": given.n}
        reference = under(images, named)
        row |= {f"unprotected_{name}": cell for name, cell in _error(reference, seed).items()}
        row |= _points(beside(attacked, reference, (_ERROR, _ERROR), "unprotected", seed))
        networks = networks_behind(attacked, models)
        row |= percent("task_error", error_share(networks, KEYS["right"]))
        fine = (tasks_of or {}).get(str(named["dataset"]), "")
        same = models["model"].eq(named["model"]) & models["policy"].eq(named["policy"])
        fine_networks = of_one_recipe(
            models[same & models["dataset"].eq(fine)], str(named["recipe"])
        )
        row |= percent("hidden_task_error", error_share(fine_networks, KEYS["right"]))
        rows.append(row | {"n_test": int(networks["n_test"].min()) if len(networks) else 0})
    return pd.DataFrame(rows)


def tasks_of(names: Iterable[str]) -> dict[str, str]:
    """Return for every dataset whose classes are hidden the one with these classes as its task.

    Args:
        names: Datasets, of which there is one of a kind.
    """
    known = sorted(set(names))
    fine = {(datasets.get(name).family, tasks.task(name)): name for name in known}
    wanted = {name: (datasets.get(name).family, tasks.hidden(name)) for name in known}
    labelled = {
        name: (family, replace(target, file=datasets.LABELS))
        for name, (family, target) in wanted.items()
        if target is not None and not target.multilabel
    }
    return {name: fine[key] for name, key in labelled.items() if key in fine}


def _error(attacked: pd.DataFrame, seed: int) -> dict[str, Hashable]:
    of_attributes = attacked["attribute_error"].notna().any()
    error: Estimate = (
        mean(attacked, _ERROR, seed) if of_attributes else share(attacked, attacked[_ERROR])
    )
    return interval_columns("error", scaled(error, 100), "_pct") | {
        "error_interval": error.method,
        "error_seed_std_pct": 100 * seed_deviation(attacked, _ERROR),
    }


def _points(columns: dict[str, Hashable]) -> dict[str, Hashable]:
    """Return the paired difference in points of percent, without the ratio."""
    names = (f"unprotected_difference_{end}" for end in ("mean", "low", "high"))
    return {f"{name}_pct": 100 * columns[name] for name in names} | {
        "unprotected_n": columns["unprotected_n"]
    }


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.POLICY,
        forms.ATTACK,
        *forms.COUNTED,
        forms.interval("Error of the attack, %", "error", 1, unit="_pct"),
        forms.value("SD over seeds", "error_seed_std_pct", 2),
        forms.value("By chance, %", "chance_error_pct", 1),
        forms.interval("Commoner value of each, %", "majority_error", 1, unit="_pct"),
        forms.interval("Knows the superclass, %", "given_task_error", 1, unit="_pct"),
        forms.interval("On unprotected features, %", "unprotected_error", 1, unit="_pct"),
        forms.interval(
            "Difference to unprotected, points", "unprotected_difference", 1, unit="_pct", sign="+"
        ),
        forms.interval("Error of the task, %", "task_error", 1, unit="_pct"),
        forms.interval("Trained for what is inferred, %", "hidden_task_error", 1, unit="_pct"),
        forms.value("Test images", "n_test"),
    ),
    "Errors of classes: the share of images, each averaged over seeds, with Wilson's 95 % "
    "interval; of attributes: the mean share that is wrong, with the bootstrap's. Differences are "
    "paired, image by image. Who knows the superclass and nothing else says the commonest of its "
    "classes among the attacker's own images. An attack on more classes than the task has errs "
    "more by definition: compare with chance, with who knows the superclass and with the same "
    "attack on unprotected features, not with the task.",
)
