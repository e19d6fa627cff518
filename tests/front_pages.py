"""The front page of a report as Snakemake makes it."""

from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from tests.workflow import ROOT


def front_page(config: dict) -> str:
    """Return the HTML of the front page for a configuration."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = (ROOT / "workflow/report/workflow.rst").read_text()
    rendered = environment.from_string(text).render(snakemake={"config": config})
    return publish_parts(rendered, writer_name="html")["html_body"]
