"""How the site is arranged: what stands where, in which order, and under which words."""

from collections.abc import Iterable
from pathlib import PurePosixPath

TUTORIAL, GLOSSARY = "docs/tutorial.md", "docs/glossary.md"
CONFIGURATION, RESULTS = "config/README.md", "results/README.md"
# The page that tells what to read for what; its rows describe the pages in lists.
WAYS = "docs/README.md"
FRONT = "README.md"

# Pages outside docs/ that are pages of the site, too.
ELSEWHERE = [CONFIGURATION, RESULTS, "benchmarks/README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
# Results kept beside the pages about them: files, whatever their ending.
FOLDERS = ["docs", "docs/guides", "docs/reference", "docs/reproduction"]

# What is not named here follows in the order of the alphabet.
ORDER = {
    "docs/guides": [
        *("one-figure", "gallery", "compare", "python", "experiments", "data", "own-dataset"),
        *("own-policy", "own-protection", "own-model", "own-attack", "own-defence", "own-claim"),
        *("plan", "cluster", "unattended", "progress", "faults", "bundle"),
    ],
    "docs/reference": [
        *("search", "attacks", "defences", "protections", "feature-attacks", "operators"),
        *("reconstructions", "tables", "tables-cvnn", "tables-unir"),
        *("verdicts", "rules", "security"),
    ],
    "docs/reproduction": ["fashion-mnist", "fashion-core-cpu", "cvnn", "unir"],
}
# Names in the menu that say more there than the page's own title.
TITLES = {
    CONFIGURATION: "Keys of the configuration",
    RESULTS: "Where results lie",
    "docs/deviations.md": "Deviations from the papers",
    "docs/glossary.md": "Glossary",
    "docs/tutorial.md": "Tutorial: ten minutes",
}
# Modules whose docstrings become pages, as far as they exist.
INTERFACES = [
    *("plugins", "scene", "gradients", "attacks", "cvnn.attackers.interface"),
    *("unir.operators.interface", "policies", "metrics", "statistics", "errors"),
]

DOORS = [
    ("Tutorial", TUTORIAL, "Ten minutes from the clone to a report, and what it says."),
    ("Guides", "docs/guides/index.md", "One task each: a figure, a cluster, something of yours."),
    ("Experiments", "docs/experiments.md", "Every table and figure of the reports, by command."),
    ("Reference", "docs/reference/index.md", "Every key, attack, protection, operator and column."),
    ("Runs on real data", "docs/reproduction/README.md", "What was measured, and what it shows."),
    ("Deviations", "docs/deviations.md", "Where paper, code and replications disagree."),
]


def ordered(folder: str, pages: Iterable[str]) -> list[str]:
    """Return those pages that lie directly in a folder, the README aside, in the site's order."""
    names = {
        PurePosixPath(page).stem: page
        for page in pages
        if str(PurePosixPath(page).parent) == folder and not page.endswith("README.md")
    }
    known = [name for name in ORDER.get(folder, []) if name in names]
    return [names[name] for name in [*known, *sorted(names.keys() - set(known))]]
