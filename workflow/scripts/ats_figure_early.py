"""Draw attacks early in training, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import sweep
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_early", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        images = attacked(table, page)
        figures.save(sweep.draw(images, "early", **subject(page)), svg, png)
