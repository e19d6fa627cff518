"""Write config/README.md, the table of every key, from the schema and the default values.

Run ``python -m reveil.config_docs`` after a change to the schema, ``config.yaml`` or a default
preset; with ``--check`` it only says whether the file is up to date.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reveil.config.presets import DEFAULT, KINDS, preset_paths, read_yaml
from reveil.config.schema import DEFINITIONS, allowed, load_schema, resolved
from reveil.files import write_text

Schema = Mapping[str, Any]

README = Path("config", "README.md")
HEADER = "| key | type | allowed | default | meaning |\n| --- | --- | --- | --- | --- |"
MISSING = object()
# The kinds end with experiments, whose runs and rows are mappings of their own; so are folders.
PARTS = {
    "One of `runs`": "experiment_run",
    "One of `rows`": "experiment_row",
    "One of `datasets.folders`": "image_folder",
}

INTRODUCTION = """\
# Every key of the configuration

<!-- Written by `python -m reveil.config_docs` from workflow/schemas/config.schema.yaml. -->

`config.yaml` holds the papers' settings and is always read. A file given with `--configfile` is
laid over it and states only what differs: mappings merge, lists and values are replaced.

| file | what it is for |
| --- | --- |
| [`config.yaml`](../config.yaml) | the papers' settings |
| [`no-celeba.yaml`](no-celeba.yaml) | the same without CelebA, which has to be fetched by hand |
| [`demo.yaml`](demo.yaml) | what a newcomer sees: embedded data, no GPU, minutes |
| [`tiny.yaml`](tiny.yaml) | every target once, as small as it goes: what the tests run |
| [`fashion.yaml`](fashion.yaml) | all that Fashion-MNIST can carry, for a GPU |
| [`fashion-core.yaml`](fashion-core.yaml) | its core: one network, one seed |
| [`fashion-core-cpu.yaml`](fashion-core-cpu.yaml) | the core for a CPU: one epoch, 8 images |
| [`fashion-lenetzhu.yaml`](fashion-lenetzhu.yaml) | the correlation, for a CPU |
| [`fashion-cvnn.yaml`](fashion-cvnn.yaml) | private networks on Fashion-MNIST, for a GPU |
| [`fashion-cvnn-cpu.yaml`](fashion-cvnn-cpu.yaml) | laid over that: for two CPU cores |
| [`fashion-unir.yaml`](fashion-unir.yaml) | reconstructions on Fashion-MNIST, for a GPU |
| [`fashion-unir-cpu.yaml`](fashion-unir-cpu.yaml) | laid over that: for two CPU cores |

Protocols, recipes, attacks, protections, attacks on features, operators, reconstructions and
experiments are presets, a file each. A preset states only what it does otherwise than its `base`,
which is `default` where none is named. Under `protocols`, `recipes`, `attacks`, `protections`,
`feature_attacks`, `operators`, `reconstructions` and `experiments` you change presets by name, and
give names of your own a `base`; a change to `default` reaches all of them. In `recipes`, `datasets`
holds other values for a dataset, its family, or one of them with a model: the more specific wins,
and a change of yours wins over the special case of a preset.

All mistakes are reported at once, before anything runs.
"""


def main() -> None:
    """Write the table, or compare it with the file."""
    write_page("reveil.config_docs", __doc__, README, document)


def write_page(module: str, purpose: str | None, page: Path, make: Callable[[Path], str]) -> None:
    """Write a page that is made from other files, or with ``--check`` compare it with the file.

    Args:
        module: that is run for it.
        purpose: what the help says.
        page: path below the top of the repository.
        make: returns its text, given that top.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the repository")
    options = parser.parse_args()
    text, path = make(options.root), options.root / page
    if not options.check:
        write_text(path, text)
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{page} is out of date: run python -m {module}")


def document(root: Path) -> str:
    """Return the text of config/README.md for the repository at ``root``."""
    schema = load_schema(root)
    top = _table(schema, schema, read_yaml(root / "config.yaml"))
    parts = [INTRODUCTION, "## config.yaml", "", top]
    for kind in KINDS:
        paths = preset_paths(root, kind)
        names = [name for name in paths if name != DEFAULT]
        parts += [
            f"\n## {kind}",
            "",
            resolved({"$ref": f"#/$defs/{DEFINITIONS[kind]}"}, schema)["description"],
            f"Presets: {', '.join(f'[`{name}`]({kind}/{name}.yaml)' for name in names)}.",
            f"Defaults: [`{kind}/{DEFAULT}.yaml`]({kind}/{DEFAULT}.yaml).",
            "",
            _table(schema["$defs"][DEFINITIONS[kind]], schema, read_yaml(paths[DEFAULT])),
        ]
    for title, name in PARTS.items():
        below = schema["$defs"][name]
        parts += [f"\n### {title}", "", below["description"], "", _table(below, schema, {})]
    return "\n".join(parts) + "\n"


def _table(section: Schema, root: Schema, values: Any) -> str:
    return "\n".join([HEADER, *_rows(section, root, values, "")])


def _rows(section: Schema, root: Schema, values: Any, prefix: str) -> Iterator[str]:
    for name, below in section["properties"].items():
        schema = resolved(below, root)
        value = values.get(name, MISSING) if isinstance(values, Mapping) else MISSING
        key = f"{prefix}{name}"
        if "properties" in schema:
            yield _row(key, schema, MISSING, "mapping", "the keys below")
            yield from _rows(schema, root, value, f"{key}.")
        else:
            yield _row(key, schema, value, _type(schema), _allowed(schema, root))


def _row(key: str, schema: Schema, value: Any, kind: str, choices: str) -> str:
    default = "" if value is MISSING else f"`{_flow(value)}`"
    cells = (f"`{key}`", kind, choices, default, schema.get("description", ""))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _allowed(schema: Schema, root: Schema) -> str:
    if schema.get("type") == "array":
        return schema.get("x-allowed") or _allowed(resolved(schema["items"], root), root)
    if schema.get("type") == "object":
        return schema.get("x-allowed", "names, each with keys that differ")
    return allowed(schema)


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(part) for part in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "integer" if all(isinstance(value, int) for value in values) else "text"
    names = {"array": "list", "object": "mapping", "string": "text"}
    types = schema["type"]
    kinds = [types] if isinstance(types, str) else types
    return " or ".join(names.get(kind, kind) for kind in kinds)


def _flow(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value) or '""'


if __name__ == "__main__":
    main()
