"""Draw encoder and critic in the course of training, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import training
from reveil.figures.pages import subject, trained
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_exp10", snakemake.log[0]):
    table = rows.read(snakemake.input.histories)
    for page, models, svg, png in zip(params.pages, params.models, out.svg, out.png, strict=True):
        figures.save(training.draw(trained(table, page, models), **subject(page)), svg, png)
