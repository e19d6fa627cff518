"""Draw the errors of the attacks, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import errors
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_errors", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(errors.draw(rows.select(table, **page), **page), svg, png)
