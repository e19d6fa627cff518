"""Draw the attackers' training, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import curves
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_exp07", snakemake.log[0]):
    table = rows.read(snakemake.input.attackers)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(curves.draw(attacked(table, page), **subject(page)), svg, png)
