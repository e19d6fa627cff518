"""What is noted beside the attacks that two runs have in common."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reveil.compare.runs import Pair, shortened
from reveil.errors import ReveilError
from reveil.front import flat
from reveil.verdicts.units import SEED

SWITCHES = ("attack", "attacker", "features", "plugins", "recipe", "reconstruction", "scene")
WORDS = ("reference", "test_corruption")
# Digest of a folder of the user.
IMAGES = "images"
PROVENANCE = "provenance.json"
MISSING = object()
# Key, its value in the first run, and in the second; MISSING where it has none.
Difference = tuple[str, Any, Any]

# By what attacks are told apart, the most telling first.
_NAMES = ("attack", "defence", "study", "protocol", "model", "dataset", "recipe", "policy", SEED)
# What resolves the preset that an attack's name is.
_ATTACKS = {"ats": "attacks", "cvnn": "feature_attacks", "unir": "reconstructions"}


@dataclass(frozen=True)
class Noted:
    """The notes of one cell and seed.

    Attributes:
        named: the study, the columns of the cell and the seed.
        said: what either run noted; None where it left no note.
    """

    named: Mapping[str, str]
    said: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]

    @property
    def in_both(self) -> bool:
        """Whether both runs left a note."""
        return None not in self.said

    def switches(self, side: int) -> dict[str, Any]:
        """Return the switches that a run noted; none where it left no note."""
        said = self.said[side] or {}
        sections = {key: said[key] for key in SWITCHES if isinstance(said.get(key), Mapping)}
        return dict(flat({**sections, **{key: said[key] for key in WORDS if key in said}}))

    def configured(self, switch: str) -> list[str]:
        """Return the keys of a configuration that a switch comes from, that of its value first."""
        section, _, rest = switch.partition(".")
        named = self.named
        protocol, recipe = f"protocols.{named['protocol']}", f"recipes.{named['recipe']}"
        attack = f"{_ATTACKS.get(named['study'])}.{named['attack']}.{rest}"
        page = f"{named['dataset']}, {named['model']}"
        return {
            "attack": [attack],
            "reconstruction": [attack],
            # A recipe has values of its own for some datasets and models.
            "recipe": [f"{recipe} for {page}.{rest}", f"{recipe}.{rest}"],
            "reference": [f"{protocol}.judge.psnr_reference"],
            "test_corruption": [f"{protocol}.reconstruction.test_corruption"],
        }.get(section, [f"{protocol}.{switch}"])


def common(first: Path, second: Path, found: Sequence[Pair]) -> list[Noted]:
    """Return the notes of every cell and seed that both runs have, and that one of them noted.

    The note of one block counts, as all have the same.

    Raises:
        ReveilError: a note cannot be read, or both runs noted other images of a dataset.
    """
    notes = []
    for pair in found:
        rows = pair.both[0].drop_duplicates([*pair.cell, SEED])
        for row in rows[[*pair.cell, SEED]].astype(str).to_dict("records"):
            one = {"study": pair.study, **row}
            notes.append(Noted(one, (_note(first, one), _note(second, one))))
    noted = [one for one in notes if one.said != (None, None)]
    for one in noted:
        _check_images(one)
    return noted


def differing(
    noted: Sequence[Noted], told: Container[Difference]
) -> list[tuple[str, Any, Any, str]]:
    """Return the switches in which the notes of both runs differ, each with where it does.

    Args:
        noted: The notes.
        told: What the configurations differ in; a switch that comes from there is left out.
    """
    both = [one for one in noted if one.in_both]
    found: dict[str, tuple[Difference, list[Noted]]] = {}
    for one in both:
        for key, *values in differences(one.switches(0), one.switches(1)):
            if not any((name, *values) in told for name in one.configured(key)):
                found.setdefault(repr((key, values)), ((key, *values), []))[1].append(one)
    rows = [(*difference, _where(those, both)) for difference, those in found.values()]
    return sorted(rows, key=lambda row: row[0])


def contradictions(noted: Sequence[Noted], side: int, said: Mapping[str, Any]) -> list[Difference]:
    """Return the keys of a run's configuration that its notes contradict: key, said, noted."""
    found = {}
    for one in noted:
        for switch, value in one.switches(side).items():
            key = one.configured(switch)[0]
            if key in said and said[key] != value:
                found.setdefault(key, (key, said[key], value))
    return sorted(found.values(), key=lambda row: row[0])


def commits(folder: Path, noted: Sequence[Noted], side: int) -> list[str]:
    """Return the commits behind the attacks of a run, as far as they are known.

    Those of the notes; without any, as of an unpacked run, those that its provenance tells.

    Raises:
        ReveilError: the provenance cannot be read.
    """
    jobs = [one.said[side] for one in noted if one.said[side] is not None]
    if not jobs:
        whole = read_json(folder / PROVENANCE) or {}
        all_jobs = whole.get("jobs", {}) if isinstance(whole, Mapping) else None
        if not isinstance(all_jobs, Mapping) or not all(
            isinstance(job, Mapping) for job in all_jobs.values()
        ):
            raise ReveilError(
                f"{folder / PROVENANCE}: is no provenance, whose jobs have facts each"
            )
        jobs = [job for job in all_jobs.values() if "block" in (job.get("wildcards") or {})]
    said = (
        f"{str(job['commit'])[:12]}{', modified' if job.get('dirty') else ''}"
        for job in jobs
        if job.get("commit")
    )
    return sorted(set(said))


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; None where there is none.

    Raises:
        ReveilError: it cannot be read.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReveilError(f"{path}: cannot be read ({error})") from None


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the keys in which two flat mappings differ."""
    for key in {**first, **second}:
        ours, theirs = (said.get(key, MISSING) for said in (first, second))
        if ours is MISSING or theirs is MISSING or ours != theirs:
            yield key, ours, theirs


def _note(folder: Path, named: Mapping[str, str]) -> Mapping[str, Any] | None:
    parts = [named[key] for key in ("protocol", "dataset", "model", "policy", "recipe")]
    place = folder.joinpath(named["study"], "attacks", *parts, f"seed{named[SEED]}")
    files = sorted((place / named["attack"] / named["defence"]).glob("*.json"))
    said = read_json(files[0]) if files else None
    return said if isinstance(said, Mapping) else None


def _check_images(one: Noted) -> None:
    digests = [(said or {}).get(IMAGES) for said in one.said]
    if None not in digests and digests[0] != digests[1]:
        raise ReveilError(
            f"{one.named['study']}: the runs do not attack the same images: the folder of "
            f"{one.named['dataset']} held others when the second one ran, so that an image's "
            "number means another image; run one of them again"
        )


def _where(those: Sequence[Noted], both: Sequence[Noted]) -> str:
    """Return how many of the attacks a difference is of, and which."""
    if len(those) == len(both):
        return f"in all of {len(both):,}"
    inside, everywhere = (pd.DataFrame([one.named for one in part]) for part in (those, both))
    count = f"in {len(those):,} of {len(both):,} attacks: "
    for name in _NAMES:
        values = inside[name].unique()
        if everywhere[name].isin(values).sum() == len(those):
            return count + shortened([_called(name, value) for value in values])
    several = [name for name in _NAMES if everywhere[name].nunique() > 1]
    called = (
        " ".join(_called(name, row[name]) for name in several) for row in inside.to_dict("records")
    )
    return count + shortened(list(called))


def _called(name: str, value: str) -> str:
    return value if name == "attack" else f"{name} {value}"
