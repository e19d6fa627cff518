"""Draw the hours of training, search and attacks, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import cost
from reveil.figures.pages import subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_cost", snakemake.log[0]):
    costs = rows.read(snakemake.input.costs)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(cost.draw(costs, **subject(page)), svg, png)
