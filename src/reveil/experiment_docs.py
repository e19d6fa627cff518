"""Write docs/experiments.md, the list of the experiments, from their presets.

Run ``python -m reveil.experiment_docs`` after a change to a preset; with ``--check`` it only says
whether the file is up to date.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reveil import config as settings
from reveil.config.presets import merge, read_yaml
from reveil.config_docs import write_page

PAGE = Path("docs", "experiments.md")
CONFIGS = ("config.yaml", "demo", "fashion", "tiny")

INTRODUCTION = """\
# Experiments

<!-- Written by `python -m reveil.experiment_docs` from config/experiments. -->

Every table and figure of the three reports on transformation search, and what they leave open, is
a target. Its command makes it, and with `-n` says what that would take: the printed table under
`results/{run}/ats/tables/`, its figures under `results/{run}/ats/figures/`, and the tidy tables
that both are drawn from under `results/{run}/ats/experiments/{experiment}/`. Another configuration
comes last: `snakemake ats_exp03 --configfile config/fashion.yaml`.

An experiment is run twice: under the protocol of the report that made it, beside the published
numbers, and under `fixed`, which is ours: equal victims, held-out search images, 100 attacked
images, three seeds. Presets in [`config/experiments`](../config/experiments) say what is attacked
where; `studies.ats.experiments` says which datasets and models a run allows, and `experiments`
changes a preset.

"""
TARGETS = """\
| target | command | report and its number there | what is shown | published numbers |
| --- | --- | --- | --- | --- |
"""
WORK = """
## What each takes

Work at the papers' settings ([`config.yaml`](../config.yaml), all seeds), each experiment by
itself: what two experiments share is computed once, and searches are left out. M: millions.
Image-iterations are those of the attacks; a step of L-BFGS counts its 20 inner ones.
[`ats_cost`](../config/experiments/ats-cost.yaml) turns the measured jobs of a run into hours of
each experiment on the same machine (`hours.csv`). No GPU has run them yet, so no GPU hours stand
here.

| target | trainings | M training images | attacked images | M image-iterations | policies scored |
| --- | --- | --- | --- | --- | --- |
"""
RUNS = """
## Where each can be done

`plans` means that `snakemake -n` of the target plans under this configuration; all targets of
`tiny` run in the tests, on the embedded images and on small archives of the papers' layouts, which
every table then calls synthetic. A blank means that the experiment is tied to data that the
configuration leaves out.

| target | config.yaml | demo | fashion | tiny |
| --- | --- | --- | --- | --- |
"""


def main() -> None:
    """Write the page, or compare it with the file."""
    write_page("reveil.experiment_docs", __doc__, PAGE, document)


def document(root: Path) -> str:
    """Return the text of docs/experiments.md for the repository at ``root``."""
    config = read_yaml(root / "config.yaml")
    names = config["studies"]["ats"]["experiments"]["targets"]
    published = _published(root)
    parts = [INTRODUCTION, TARGETS]
    for name in names:
        experiment = settings.resolve_experiment(config, root, name)
        shown = published.get(name.replace("ats-cost", "cost"), 0) or "not available"
        command = f"`snakemake {name.replace('-', '_')}`"
        cells = (_target(name), command, experiment["source"], experiment["title"])
        parts.append(_row((*cells, shown)))
    parts.append(WORK)
    parts += [_row((_target(name), *_work(config, root, name))) for name in names]
    parts.append(RUNS)
    configs = [config, *(_config(root, name) for name in CONFIGS[1:])]
    for name in names:
        plans = ["plans" if settings.pages(c, root, name) else "" for c in configs]
        parts.append(_row((_target(name), *plans)))
    return "".join(parts)


def _target(name: str) -> str:
    return f"`{name.replace('-', '_')}`"


def _row(cells: Any) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def _config(root: Path, name: str) -> dict[str, Any]:
    return merge(read_yaml(root / "config.yaml"), read_yaml(root / "config" / f"{name}.yaml"))


def _published(root: Path) -> Counter[str]:
    with (root / "config/published.csv").open(newline="", encoding="utf-8") as stream:
        return Counter(row["experiment"] for row in csv.DictReader(stream))


def _work(config: Mapping[str, Any], root: Path, name: str) -> Iterator[str]:
    work = settings.workload(config, root, name)
    yield f"{work.trainings:,}"
    yield f"{work.training_images / 1e6:,.0f}"
    yield f"{work.attacked_images:,}"
    yield f"{work.image_iterations / 1e6:,.1f}"
    yield f"{work.scored_policies:,}"


if __name__ == "__main__":
    main()
