"""``python -m reveil.names attacks``: the names that a configuration may use, and what each is.

What a preset is, is the first line of comment in its file; of an experiment, its title.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reveil import config as settings
from reveil.config.presets import DEFAULT, KINDS, Presets
from reveil.datasets import DATASETS
from reveil.errors import ReveilError, not_allowed
from reveil.forecast.settings import read_config
from reveil.output import tell
from reveil.plugins import known

DATA = "datasets"
POLICIES, MODELS, DEFENCES = "policies", "models", "defences"
# Kinds whose names are forms, which the schema lists, and those of plug-ins.
FORMS = (POLICIES, MODELS, DEFENCES)
ALL = (DATA, *FORMS, *KINDS)
STUDIES = ("ats", "cvnn", "unir")
_SENTENCE = re.compile(r"(?<!et al)\. ")


def main(words: Sequence[str] | None = None) -> int:
    """Print the names that the command line asks for, and return the exit status."""
    options = parser().parse_args(words)
    return tell(lambda: _told(options))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m reveil.names",
        description="The names that a configuration may use, those of its own presets, folders and "
        "plug-ins among them, and what each is.",
    )
    made.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(ALL)}; none: all")
    made.add_argument(
        "--configfile",
        nargs="+",
        default=[],
        metavar="FILE",
        help="laid over config.yaml, in turn; after the kinds, as all words behind it are files",
    )
    made.add_argument(
        "--match", action="append", default=[], metavar="TEXT", help="only lines with this in them"
    )
    root = Path(__file__).resolve().parents[2]
    made.add_argument("--root", type=Path, default=root, help=argparse.SUPPRESS)
    return made


def named(kind: str, config: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Return name -> what it is of all that a checked configuration may name of a kind.

    Args:
        kind: one of ``ALL``; of ``FORMS`` names stand under ``ats``, ``cvnn`` or ``unir``, and
            those of plug-ins beside them.
        config: the configuration.
        root: of the repository.
    """
    if kind == DATA:
        return {data.name: _of_dataset(data) for data in DATASETS.values()}
    if kind in FORMS:
        return {**_forms(kind, root), **_of_plugins(kind)}
    presets = Presets.load(config, root, kind)
    paths = settings.preset_paths(root, kind)
    given = known.presets(kind)
    found = {}
    for name in presets.names:
        changed = presets.changes.get(name, {})
        if name in paths:
            what = _of_preset(paths[name])
        elif name in given:
            what = "of a plug-in"
        else:
            what = f"of this configuration, on {changed.get('base', DEFAULT)}"
        found[name] = what
    return found


def _shown(kind: str, found: Mapping[str, str], words: Sequence[str]) -> str:
    """Return the lines of a kind with all words in them, below its name."""
    kept = {
        name: what
        for name, what in found.items()
        if all(word in f"{name} {what}".lower() for word in words)
    }
    width = max(map(len, kept), default=0)
    lines = [f"  {name:{width}}  {what}".rstrip() for name, what in kept.items()]
    return "".join(f"{line}\n" for line in ([f"{kind}:", *lines] if lines else []))


def _told(options: argparse.Namespace) -> str:
    for kind in options.kinds:
        if kind not in ALL:
            raise ReveilError(not_allowed("kind", kind, ALL))
    config = read_config(options.root, options.configfile)
    kinds = {kind: named(kind, config, options.root) for kind in options.kinds or ALL}
    wanted = [word.lower() for word in options.match]
    shown = "".join(_shown(kind, found, wanted) for kind, found in kinds.items())
    if not shown and wanted:
        kinds_asked = ", ".join(options.kinds or ALL)
        raise ReveilError(f"--match {' '.join(options.match)!r}: no name of {kinds_asked} has it")
    return shown


def _of_dataset(data: Any) -> str:
    shape = f"{data.channels}x{data.size}x{data.size}, {data.classes} classes"
    counts = f"{data.counts['train']:,} and {data.counts['test']:,} images"
    return f"{data.title}: {shape}, {counts}"


def _of_preset(path: Path) -> str:
    content = settings.read_yaml(path)
    if isinstance(content, Mapping) and "title" in content:
        return str(content["title"])
    said = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        said.append(line.removeprefix("#").strip())
    # A sentence, which may go over several lines.
    text = " ".join(said)
    end = _SENTENCE.search(text)
    return text[: end.start() + 1] if end else text


def _forms(kind: str, root: Path) -> dict[str, str]:
    studies = settings.load_schema(root)["$defs"]
    found = {}
    for study in STUDIES:
        section = studies[study]["properties"].get(kind)
        if section:
            found[f"{study}:"] = section.get("x-allowed") or section["items"].get("x-allowed", "")
    return found


def _of_plugins(kind: str) -> dict[str, str]:
    which = {POLICIES: known.POLICY, MODELS: known.MODEL, DEFENCES: known.DEFENCE}[kind]
    return {
        one.name: f"of the plug-in {one.where}{f', {one.study}' if one.study else ''}"
        for one in known.every()
        if one.kind == which
    }


if __name__ == "__main__":
    sys.exit(main())
