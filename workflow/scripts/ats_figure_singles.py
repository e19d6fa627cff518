"""Draw the scores of the 50 single transformations, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import singles
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_singles", snakemake.log[0]):
    table = rows.read(snakemake.input.singles)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(singles.draw(rows.select(table, **page), **page), svg, png)
