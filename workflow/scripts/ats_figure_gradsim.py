"""Draw GradSim along the interpolation, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import gradsim
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_gradsim", snakemake.log[0]):
    table = rows.read(snakemake.input.interpolation)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(gradsim.draw(rows.select(table, **page), **page), svg, png)
