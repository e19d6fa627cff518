"""Write docs/experiments.md, the list of the experiments of all studies, from their presets.

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
CONFIGS = {
    "ats": ("config.yaml", "demo", "fashion", "tiny"),
    "cvnn": ("config.yaml", "demo", "fashion-cvnn", "tiny"),
    "unir": ("config.yaml", "demo", "fashion-unir", "tiny"),
}
RECONSTRUCTION = "reconstruction_error"

INTRODUCTION = """\
# Experiments

<!-- Written by `python -m reveil.experiment_docs` from config/experiments. -->

Every table and figure of the reports, and what they leave open, is a target. Its command makes it,
and with `-n` says what that would take: the printed table under `results/{run}/{study}/tables/`,
its figures under `results/{run}/{study}/figures/`, and the tidy tables that both are drawn from
under `results/{run}/{study}/experiments/{experiment}/`. Another configuration comes last:
`snakemake ats_exp03 --configfile config/fashion.yaml`.

As a rule an experiment is run twice: under the protocol of the report that made it, beside the
published numbers, and under a protocol of ours: `fixed` for ats, with equal victims, held-out
search images and 100 attacked images; `fixed-cvnn` for cvnn, with halves of the training images for
network and attacker, attackers who stop by patience, and 500 attacked test images; `fixed-unir` for
unir, with equal steps for all and 1,000 reconstructed test images. Three seeds each. Presets in
[`config/experiments`](../config/experiments) say what is attacked where;
`studies.{study}.experiments` says which datasets and models a run allows, and `experiments` changes
a preset.
"""
TITLES = {
    "ats": "Transformations against gradient inversion: ats",
    "cvnn": "Complex-valued networks that hide features: cvnn",
    "unir": "Reconstruction without clean images: unir",
}
TARGETS = """
| target | command | report and its number there | what is shown | published numbers |
| --- | --- | --- | --- | --- |
"""
WORK = """
## What each takes

Work at the papers' settings ([`config.yaml`](../config.yaml), all seeds), each experiment by
itself: what two experiments share is computed once. M: millions. No GPU has run all of them yet, so
no GPU hours stand here.
"""
WORKS = {
    "ats": """
Searches are left out. Image-iterations are those of the attacks; a step of L-BFGS counts its 20
inner ones. [`ats_cost`](../config/experiments/ats-cost.yaml) turns the measured jobs of a run into
hours of each experiment of ats on the same machine (`hours.csv`).

| target | trainings | M training images | attacked images | M image-iterations | policies scored |
| --- | --- | --- | --- | --- | --- |
""",
    "unir": """
Every recipe on every operator is a training of its own; images count as often as a batch holds
them. Classical methods train none, and what each reconstructs is counted likewise. Samples are
drawn from generators that make images of noise; the classifier behind their scores, one for each
dataset and seed, is left out.

| target | trainings | M training images | reconstructed images | samples |
| --- | --- | --- | --- | --- |
""",
    "cvnn": """
Every protection of a network is a training of its own. Attackers are trained, too, one for each
attack, network and protocol, until their patience ends: how many images they see is known
afterwards (`attackers.csv`). Those that inference attacks build on are counted, and a nearest
neighbour, which keeps features and trains nothing, counts as one. Attacked images are guessed once
each; there are no iterations. `cvnn_exp11` and `cvnn_ext13` count the layers of networks that need
no training.

| target | trainings | M training images | attackers | attacked images |
| --- | --- | --- | --- | --- |
""",
}
RUNS = """
## Where each can be done

`plans` means that `snakemake -n` of the target plans under this configuration; all targets of
`tiny` run in the tests, on the embedded images and on small archives of the papers' layouts, which
every table then calls synthetic. A blank means that the experiment is tied to data or networks that
the configuration leaves out.
"""


def main() -> None:
    """Write the page, or compare it with the file."""
    write_page("reveil.experiment_docs", __doc__, PAGE, document)


def document(root: Path) -> str:
    """Return the text of docs/experiments.md for the repository at ``root``."""
    config = read_yaml(root / "config.yaml")
    targets = {study: config["studies"][study]["experiments"]["targets"] for study in TITLES}
    published = _published(root)
    parts = [INTRODUCTION]
    for study, names in targets.items():
        parts += [f"\n## {TITLES[study]}\n", TARGETS]
        for name in names:
            experiment = settings.resolve_experiment(config, root, name)
            command = f"`snakemake {name.replace('-', '_')}`"
            cells = (_target(name), command, experiment["source"], experiment["title"])
            parts.append(_row((*cells, published[name] or "not available")))
    parts.append(WORK)
    for study, names in targets.items():
        parts.append(WORKS[study])
        parts += [_row((_target(name), *_work(config, root, name))) for name in names]
    parts.append(RUNS)
    for study, names in targets.items():
        parts += [
            "\n",
            _row(("target", *CONFIGS[study])),
            f"|{' --- |' * (1 + len(CONFIGS[study]))}\n",
        ]
        configs = [config, *(_config(root, name) for name in CONFIGS[study][1:])]
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
    """Return how many published numbers each experiment is about."""
    with (root / "config/published.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    counts = Counter(row["experiment"] for row in rows)
    counts["ats-cost"] = counts["cost"]
    # Its table is of the reconstruction errors of all experiments.
    counts["cvnn-ext11"] = sum(row["metric"] == RECONSTRUCTION for row in rows)
    return counts


def _work(config: Mapping[str, Any], root: Path, name: str) -> Iterator[str]:
    work = settings.workload(config, root, name)
    yield f"{work.trainings:,}"
    yield f"{work.training_images / 1e6:,.0f}"
    if settings.study_of(name) == "cvnn":
        yield f"{work.attackers:,}"
    yield f"{work.attacked_images:,}"
    if settings.study_of(name) == "ats":
        yield f"{work.image_iterations / 1e6:,.1f}"
        yield f"{work.scored_policies:,}"
    if settings.study_of(name) == "unir":
        yield f"{work.samples:,}"


if __name__ == "__main__":
    main()
