"""Draw attackers who know of the policy and who do not, a page per protocol, dataset, model."""

from reveil import figures, rows
from reveil.figures import aware
from reveil.figures.pages import attacked, subject
from reveil.job import Job

files, params, out = snakemake.input, snakemake.params, snakemake.output
with Job("ats_figure_w_insight1", snakemake.log[0]):
    images, table = rows.read(files.images), rows.read(files.table)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        parts = attacked(images, page), attacked(table, page)
        figures.save(aware.draw(*parts, **subject(page)), svg, png)
