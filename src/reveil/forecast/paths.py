"""Where benchmark files and provenances lie, and what job a benchmark file belongs to."""

import re
from collections.abc import Mapping
from types import MappingProxyType

_MODEL = "{dataset}/{model}/{policy}/{recipe}/seed{seed}"
_SEARCH = "{protocol}/{dataset}/{model}/seed{seed}"
_ATTACKED = "{study}/{protocol}/" + _MODEL + "/{attack}/{defence}/{block}"
_ATTACKER = "{study}/{protocol}/" + _MODEL + "/{attack}"
_SAMPLES = "{study}/{protocol}/" + _MODEL

# Folder of a benchmark file -> what follows it. Trainings of all kinds share a folder.
BENCHMARKS: Mapping[str, str] = MappingProxyType(
    {
        "train_model": _MODEL,
        "attack_images": _ATTACKED,
        "attack_features": _ATTACKED,
        "reconstruct_images": _ATTACKED,
        "train_attacker": _ATTACKER,
        "draw_samples": _SAMPLES,
        "score_candidates": _SEARCH + "/{block}",
        "score_singles": _SEARCH,
        "score_list": _SEARCH + "/{list}-x{repeats}",
        "trace_gradsim": _SEARCH + "/{policy}",
        "prepare_dataset": "{dataset}",
        "prepare_folder": "{dataset}",
        "prepare_plugin": "{dataset}",
    }
)
# Where the job's provenance lies, below results/{run}; the other jobs leave none.
PROVENANCES: Mapping[str, str] = MappingProxyType(
    {
        "train_model": "models/" + _MODEL + "/provenance.json",
        "attack_images": "{study}/attacks/" + _ATTACKED.removeprefix("{study}/") + ".json",
        "attack_features": "{study}/attacks/" + _ATTACKED.removeprefix("{study}/") + ".json",
        "reconstruct_images": "{study}/attacks/" + _ATTACKED.removeprefix("{study}/") + ".json",
        "train_attacker": "{study}/attackers/"
        + _ATTACKER.removeprefix("{study}/")
        + "/provenance.json",
        "draw_samples": "{study}/samples/" + _SAMPLES.removeprefix("{study}/") + "/provenance.json",
    }
)


def parse(path: str) -> tuple[str, dict[str, str]] | None:
    """Return the folder's rule and the wildcards of a benchmark file, or None if it is no such.

    Args:
        path: below the root, ``logs/{run}/{rule}/...tsv`` or ``logs/{rule}/...tsv``.
    """
    words = path.split("/")
    run = {} if words[1:2] and words[1] in BENCHMARKS else {"run": words[1]}
    rule, rest = words[1 + len(run)], "/".join(words[2 + len(run) :])
    if rule not in BENCHMARKS:
        return None
    found = _regex(BENCHMARKS[rule] + ".tsv").fullmatch(rest)
    return (rule, {**run, **found.groupdict()}) if found else None


def provenance(rule: str, named: Mapping[str, str]) -> str | None:
    """Return the path of the provenance of a job, or None where its rule leaves none."""
    pattern = PROVENANCES.get(rule)
    return f"results/{named['run']}/" + pattern.format(**named) if pattern else None


_COMPILED: dict[str, re.Pattern[str]] = {}


def _regex(pattern: str) -> re.Pattern[str]:
    if pattern not in _COMPILED:
        parts = re.split(r"\{(\w+)\}", pattern)
        text = "".join(
            f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
        )
        _COMPILED[pattern] = re.compile(text)
    return _COMPILED[pattern]
