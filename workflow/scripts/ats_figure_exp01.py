"""Draw GradSim on the way from noise to the image, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import gradsim
from reveil.figures.pages import subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp01", snakemake.log[0]):
    table = rows.read(snakemake.input.interpolation)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        figures.save(gradsim.draw(rows.select(table, **named), **named), svg, png)
