"""Draw S_pri of each single transformation, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import singles
from reveil.figures.pages import subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp09", snakemake.log[0]):
    table = rows.read(snakemake.input.singles)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        figures.save(singles.draw(rows.select(table, **named), **named), svg, png)
