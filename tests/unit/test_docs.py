"""The documentation names nothing that does not exist, and leaves out no switch that differs."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from snakemake.cli import get_argument_parser

from reveil import config, datasets, defence_names, policies, search, selection, tables
from reveil.candidates import draw_candidates
from reveil.errors import ReveilError
from reveil.models.names import check_name
from reveil.plugins import known
from reveil.stages import summaries
from reveil.training import Trained
from tests.guides import write_examples
from tests.markdown import deviations, markdown_tables, switches, wrong_switch
from tests.workflow import ROOT, SNAKEMAKE, environment

HEADER = [
    *("topic", "paper says", "released code does", "Drabent et al.", "Warmerdam et al."),
    *("here (`fixed`)", "switch", "why, and effect where known"),
]
PROTOCOLS = ["orig2021", "drabent2022", "warmerdam2022", "fixed"]
KINDS = {"protocol": "protocols", "recipe": "recipes", "attack": "attacks"}


# --- reading Markdown ---------------------------------------------------------------------------


@cache
def pages() -> tuple[Path, ...]:
    """Return the Markdown files that git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(
        path for name in sorted(set(listed.split("\0"))) if (path := ROOT / name).is_file()
    )


def prose(page: Path) -> str:
    """Return a page without its fenced blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


# --- docs/deviations.md -------------------------------------------------------------------------


def defence_problem(named: str) -> str | None:
    """Return what is wrong with the name of a defence, or None."""
    try:
        defence_names.parse(named)
    except ReveilError as error:
        return str(error)
    return None


def policy_problem(named: str) -> str | None:
    """Return what is wrong with the name of a policy, or None."""
    return None if policies.canonical(named) == named else "not its canonical name"


OWN = {"policy": policy_problem, "model": check_name, "defence": defence_problem}
ROWS = deviations(HEADER)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["topic"])
def test_every_switch_of_a_deviation_exists(row: dict[str, str]) -> None:
    wrong = {switch: wrong_switch(*switch, KINDS, OWN) for switch in switches(row)}
    assert {switch: message for switch, message in wrong.items() if message} == {}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("protocol", "search.slot_maximum"),
        ("protocol", "search.slot_max: 51"),
        ("protocol", "search.s_pri.images.first"),
        ("recipe", "loss_factor: true"),
        ("attack", "signed: softly"),
        ("config", "seed"),
        ("defence", "prune-100"),
        ("preset", "experiments/ats-earliest"),
    ],
)
def test_a_switch_that_does_not_exist_is_noticed(kind: str, named: str) -> None:
    assert wrong_switch(kind, named, KINDS, OWN)


def test_deviations_are_complete_rows() -> None:
    assert len(ROWS) >= 40
    topics = [row["topic"] for row in ROWS]
    assert len(set(topics)) == len(topics)
    assert [row["topic"] for row in ROWS if not all(row.values())] == []


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values under dotted keys."""
    parts: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping)
        parts |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return parts


def differing(resolved_presets: list[dict[str, Any]]) -> set[str]:
    """Return the dotted keys whose values differ between complete presets."""
    values = [flat(preset) for preset in resolved_presets]
    return {key for key in values[0] if any(one[key] != values[0][key] for one in values)}


def without_row(kind: str, keys: set[str]) -> set[str]:
    """Return the keys that no row names, by themselves or by a section that holds them."""
    named = [key.split(": ")[0] for row in ROWS for k, key in switches(row) if k == kind]
    return {key for key in keys if not any(f"{key}.".startswith(f"{name}.") for name in named)}


@cache
def papers_config() -> dict[str, Any]:
    return config.read_yaml(ROOT / "config.yaml")


@cache
def protocol(name: str) -> dict[str, Any]:
    return config.resolve_protocol(papers_config(), ROOT, name)


def test_every_protocol_switch_that_differs_has_a_row() -> None:
    keys = differing([protocol(name) for name in PROTOCOLS])
    assert {"search.slot_max", "scene.draws"} <= keys
    assert without_row("protocol", keys) == set()


def test_every_recipe_switch_that_differs_has_a_row() -> None:
    keys: set[str] = set()
    for role, data, model in product(
        ("full", "tiny"),
        ("cifar100", "fashion-mnist", "tiny-imagenet-200"),
        ("resnet20-4", "convnet"),
    ):
        recipes = [
            config.resolve_recipe(
                papers_config(), ROOT, protocol(name)["recipes"][role], data, model
            )
            for name in PROTOCOLS
        ]
        keys |= differing(recipes)
    assert {"loss_factor", "subset.rule"} <= keys
    assert without_row("recipe", keys) == set()


def test_a_missing_row_is_noticed() -> None:
    assert without_row("protocol", {"search.s_pri.images.start", "scene.drawn", "search"}) == {
        "scene.drawn",
        "search",
    }


# --- links and commands -------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the fragments that the headings of a page answer to."""
    heads = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", head.replace("`", "").lower()) for head in heads)
    return {head.strip().replace(" ", "-") for head in plain}


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for link in re.findall(r"\]\(<?([^)\s>]+)>?\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = page if not name else page.parent / name
        if not target.exists() or (fragment and fragment not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    assert broken_links(page) == []


def test_named_files_exist() -> None:
    places = r"`((?:benchmarks|config|docs|envs|profiles|src|tests|workflow)/[\w./-]*)`"
    named = {(page.name, path) for page in pages() for path in re.findall(places, prose(page))}
    assert len(named) > 10
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One head\n[a](#one-head) [b](#other) [c](no.md) [d](page.md)\n")
    assert broken_links(page) == ["#other", "no.md"]


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the calls of a program in a page as words, from blocks of code and backquotes."""
    text = page.read_text()
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE))
    lines = [line.removeprefix("$ ") for line in blocks.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", prose(page))
    split = [shlex.split(line, comments=True) for line in lines if program in line]
    return [
        without_plugins(words[1:]) for words in split if words and Path(words[0]).name == program
    ]


def without_plugins(words: list[str]) -> list[str]:
    """Return a call without the loggers that are installed by hand, and their options."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not any(said.startswith("--logger") for said in (before, word))
    ]


@cache
def rule_names() -> set[str]:
    files = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    found = (re.findall(r"^rule (\w+):", file.read_text(), flags=re.MULTILINE) for file in files)
    return {name for names in found for name in names}


def unknown_in(words: list[str]) -> list[str]:
    """Return what a call of Snakemake names that does not exist; targets that are files aside."""
    said = get_argument_parser().parse_args(words)
    names = {target for target in said.targets if "/" not in target} - rule_names()
    files = [*(said.configfile or []), *filter(None, [said.workflow_profile])]
    # A file of the reader's own is called my.yaml; others are made, or unpacked from a bundle.
    return [
        *names,
        *(
            str(f)
            for f in files
            if not (Path(f).name == "my.yaml" or str(f).startswith("results/"))
            and not (ROOT / f).exists()
        ),
    ]


def test_documented_snakemake_calls_are_valid() -> None:
    calls = [(page.name, words) for page in pages() for words in commands(page, "snakemake")]
    assert len(calls) > 10
    assert [(page, words) for page, words in calls if unknown_in(words)] == []


def test_a_swallowed_target_and_an_unknown_rule_are_noticed() -> None:
    assert unknown_in(["--configfile", "config/demo.yaml", "ats"]) == ["ats"]
    assert unknown_in(["-n", "ats_figure_nothing"]) == ["ats_figure_nothing"]


def test_documented_files_can_be_made(tmp_path: Path) -> None:
    calls = [words for page in pages() for words in commands(page, "snakemake")]
    files: dict[tuple[str, ...], set[str]] = {}
    for said in map(get_argument_parser().parse_args, calls):
        configs = tuple(str(ROOT / file) for file in said.configfile or [])
        named = {target for target in said.targets if "/" in target}
        files.setdefault(configs, set()).update(named)
    assert files[()]
    options = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--dry-run"]
    for configs, named in files.items():
        if not named:
            continue
        laid = ["--configfile", *configs] if configs else []
        done = subprocess.run(
            [*SNAKEMAKE, *sorted(named), *options, *laid],
            capture_output=True,
            text=True,
            env=environment(),
        )
        assert done.returncode == 0, done.stdout + done.stderr


def documented_configs() -> list[tuple[str, dict[str, Any]]]:
    """Return (page, content) of every block of YAML that is laid over a configuration."""
    found = [
        (str(page.relative_to(ROOT)), yaml.safe_load(block))
        for page in pages()
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    ]
    # A file of claims has a key of the same name as the list of such files.
    laid = [(page, it) for page, it in found if not isinstance(it.get("claims", [""])[0], dict)]
    return [(page, content) for page, content in laid if set(content) & set(papers_config())]


def test_documented_configurations_are_valid(tmp_path: Path) -> None:
    assert len(documented_configs()) >= 3
    write_examples(tmp_path)
    for page, content in documented_configs():
        if "plugins" in content:
            content["plugins"] = [str(tmp_path / name) for name in content["plugins"]]
        found = config.check(config.merge(papers_config(), content), ROOT)
        # The folders of one's own images that a page makes up are on no machine.
        assert [message for message in found if "is not a folder (" not in message] == [], page
    known.register([])
    datasets.register([])


def test_documented_make_targets_exist() -> None:
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    calls = [words for page in pages() for words in commands(page, "make")]
    named = {word for words in calls for word in words if "=" not in word}
    assert {"demo", "test"} <= named
    assert named - known == set()


# --- docs/reference/tables.md -------------------------------------------------------------------


@cache
def documented_columns() -> dict[str, list[str]]:
    """Return the documented columns of every table by its heading."""
    text = (ROOT / "docs/reference/tables.md").read_text()
    parts = re.split(r"^## (\S+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        table = next(t for t in markdown_tables(part) if t[0] == ["column", "unit", "meaning"])
        found[name] = [row[0].strip("`") for row in table[1:]]
    return found


def trained() -> Trained:
    epoch = ["epoch", "lr", "train_loss", "train_accuracy_pct"]
    history = dict.fromkeys([*epoch, "test_loss", "test_accuracy_pct", "seconds"], 0.0)
    measured = [
        {"measure": measure, "correct": 1, "n": 2, "accuracy_pct": 50.0}
        for measure in ("clean", "transformed")
    ]
    return Trained(torch.nn.Linear(1, 1), [history], measured, 1.0)


class Straight:
    """Stands for a privacy score whose curves are straight lines over two intervals."""

    points, work = 2, 0
    sample = SimpleNamespace(index=(7,))

    def curves(self, policy: policies.Policy) -> torch.Tensor:
        return torch.linspace(0, 1, 3).expand(2, 1, 3)


def written_columns() -> dict[str, list[str]]:
    """Return the columns of every table as the code writes them."""
    keys = dict.fromkeys(("run", "dataset", "model", "policy", "recipe", "seed"), "x")
    subject = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4", "seed": 0}
    row = dict.fromkeys(search.COLUMNS, 0.5) | subject
    block = pd.DataFrame([row | {"candidate": 3, "policy": "3", "status": "ok", "reason": ""}])
    switch = protocol("fixed")["search"] | {"final": 1}
    scores, selected = selection.select(block, switch)
    schema_of_rows = yaml.safe_load((ROOT / "workflow/schemas/images.schema.yaml").read_text())
    images = pd.DataFrame([dict.fromkeys(schema_of_rows["properties"], 0.5) | subject]).assign(
        policy="none", recipe="full", attack="inversed", defence="none", image=0, status="ok"
    )
    models = pd.DataFrame(
        [dict.fromkeys(documented_columns()["models.csv"], 1.0) | subject]
    ).assign(policy="none", recipe="full")
    published = pd.read_csv(ROOT / "config/published.csv", keep_default_na=False, na_values=[""])
    judges = {"fixed": protocol("fixed")["judge"]}
    frames = {
        "models.csv": summaries.model_summary(trained(), keys).frame(),
        "histories.csv": summaries.history_table(trained(), keys).frame(),
        "candidates.csv": draw_candidates(1),
        "scores.csv": scores,
        "selected.csv": selected,
        "singles.csv": block,
        "interpolation.csv": search.interpolation([policies.parse("3")], Straight(), subject),
        "policies.csv": tables.policy_table(images, models, published, judges),
        "ranking.csv": tables.single_table(block),
    }
    columns = {name: list(frame.columns) for name, frame in frames.items()}
    return columns | {"images.csv": list(schema_of_rows["properties"])}


def test_columns_are_documented_as_they_are_written() -> None:
    assert documented_columns() == written_columns()
