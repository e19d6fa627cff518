"""Where a configuration has less training, or weaker attackers, than the shipped presets.

What was made so demonstrates and decides nothing: a network of two epochs contradicts no paper, and
an attacker who gives up after three supports none.
"""

from collections.abc import Iterator, Mapping
from functools import partial, reduce
from itertools import product
from pathlib import Path
from typing import Any

from reveil import config as settings
from reveil.config.presets import DEFAULT
from reveil.datasets import DATASETS
from reveil.verdicts.criteria import JUDGED_PROTOCOLS, Claim, Cut

# What a search is scored by, and nothing that is trained or attacked afterwards.
_SCORES = ("scores", "singles", "correlation")
# Of each kind of preset the keys of which less is less work; no value (null) is all there is.
LENGTHS: Mapping[str, tuple[str, ...]] = {
    "protocols": (
        *("features.attacker_count", "search.s_pri.points", "search.s_pri.repeats"),
        *("search.s_acc.init_count", "search.s_acc.images.batches"),
    ),
    "recipes": ("epochs", "subset.fraction", "reconstruction.steps"),
    "attacks": ("restarts", "max_hypotheses"),
    "feature_attacks": ("max_epochs", "patience", "candidates", "width"),
    "reconstructions": ("iterations", "width"),
}
_ATTACKS = {"ats": "attacks", "cvnn": "feature_attacks", "unir": "reconstructions"}
_RESOLVE = {
    "protocols": settings.resolve_protocol,
    "attacks": settings.resolve_attack,
    "feature_attacks": settings.resolve_feature_attack,
    "reconstructions": settings.resolve_reconstruction,
}
Config = Mapping[str, Any]


def cuts(config: Config, root: Path, claim: Claim) -> list[Cut]:
    """Return the cuts in the presets that a claim is judged by.

    Args:
        config: The merged configuration, or what is laid over ``config.yaml`` alone.
        root: Of the repository.
        claim: The claim.

    Raises:
        ReveilError: a preset that cannot be resolved.
    """
    found = []
    for name in JUDGED_PROTOCOLS[claim.study]:
        found += _of(config, root, "protocols", "protocol", name)
    kind = _ATTACKS[claim.study]
    for name in sorted(_named(claim, "attack") & set(settings.preset_paths(root, kind))):
        found += _of(config, root, kind, "attack", name)
    if config.get("recipes"):
        found += _of_recipes(config, root, claim)
    return found


def _of(config: Config, root: Path, kind: str, column: str, name: str) -> Iterator[Cut]:
    if not config.get(kind):
        return
    ours, shipped = (_values(_RESOLVE[kind](given, root, name)) for given in (config, {}))
    for path, text in _less(kind, ours, shipped):
        tables = _SCORES if path.startswith("search.") else ()
        yield Cut({column: name}, f"{column} {name} with {text}", tables)


def _of_recipes(config: Config, root: Path, claim: Claim) -> Iterator[Cut]:
    known = settings.preset_paths(root, "recipes")
    used = set()
    for protocol in JUDGED_PROTOCOLS[claim.study]:
        used.update(settings.resolve_protocol(config, root, protocol)["recipes"].values())
    names = sorted((used | _named(claim, "recipe")) & set(known) - {DEFAULT})
    for name, dataset, model in product(names, claim.scope.datasets, claim.scope.models):
        # One of a plug-in that this run does not name.
        if dataset not in DATASETS:
            continue
        resolve = partial(
            settings.resolve_recipe, root=root, name=name, dataset=dataset, model=model
        )
        for _, text in _less("recipes", resolve(config), resolve({})):
            where = {"recipe": name, "dataset": dataset, "model": model}
            yield Cut(where, f"recipe {name} with {text}")


def _named(claim: Claim, column: str) -> set[str]:
    """Return what the tests of a claim name in a column, to judge or to compare with."""
    found = {str(name) for test in claim.tests for name in test.select.get(column, ())}
    against = (rows for test in claim.tests for rows in (test.reference, test.baseline))
    return found | {rows[column] for rows in against if column in rows}


def _values(preset: Any) -> Mapping[str, Any]:
    return preset if isinstance(preset, Mapping) else vars(preset)


def _less(
    kind: str, ours: Mapping[str, Any], shipped: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield each key that a preset has less of than the shipped one, and how much in words."""
    for path in LENGTHS[kind]:
        has, full = (_at(values, path) for values in (ours, shipped))
        if has is not None and (full is None or has < full):
            yield path, f"{has:,} of {'all' if full is None else format(full, ',')} {path}"


def _at(values: Mapping[str, Any], path: str) -> Any:
    return reduce(lambda part, key: part[key], path.split("."), values)
