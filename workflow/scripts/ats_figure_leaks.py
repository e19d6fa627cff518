"""Draw which images leak, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import leaks
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_leaks", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(leaks.draw(attacked(table, page), **subject(page)), svg, png)
