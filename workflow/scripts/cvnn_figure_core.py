"""Draw what end, adversary and swap contribute, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import core
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_core", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(core.draw(attacked(table, page), **subject(page)), svg, png)
