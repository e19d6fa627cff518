"""Draw errors of the guessed angle, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import angles
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_ext03", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(angles.draw(attacked(table, page), **subject(page)), svg, png)
