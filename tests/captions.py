"""Captions of figures and tables as the report renders them."""

import re

from jinja2 import StrictUndefined, Template

from tests.workflow import ROOT


def rendered(study: str, item: str, dataset: str) -> str:
    """Return the caption of an item for a run of two seeds on one dataset, in one line."""
    caption = (ROOT / f"workflow/report/{item}.rst").read_text()
    section = {"datasets": [dataset], "experiments": {"datasets": [dataset]}}
    snakemake = {
        "config": {"run": "paper", "seeds": [0, 1], "studies": {study: section}},
        "params": {"seed": 7, "pages": [{"dataset": dataset, "protocol": f"fixed-{study}"}]},
    }
    return " ".join(
        Template(caption, undefined=StrictUndefined).render(snakemake=snakemake).split()
    )


def check(study: str, item: str, dataset: str, sources: str) -> None:
    """Assert that a caption says where to look, whose it is, its n, and what is synthetic.

    Args:
        dataset: that has a synthetic stand-in.
        sources: regular expression of who is named.
    """
    caption = rendered(study, item, f"{dataset}-synthetic")
    assert caption.endswith('Run "paper", seeds 0, 1.')
    assert f"Synthetic: {dataset}-synthetic" in caption
    assert "Synthetic" not in rendered(study, item, dataset)
    assert re.search(r"\bLook\b", caption)
    assert re.search(sources, caption)
    sampled = re.search(r"\bn\b.*interval|interval.*\bn\b|no interval", caption)
    assert sampled or "an illustration" in caption
