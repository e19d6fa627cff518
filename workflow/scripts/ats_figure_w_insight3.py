"""Draw single transformations and policies of the best, a page per protocol, dataset, model."""

from reveil import figures, rows
from reveil.figures import groups
from reveil.figures.pages import subject
from reveil.job import Job

files, params, out = snakemake.input, snakemake.params, snakemake.output
with Job("ats_figure_w_insight3", snakemake.log[0]):
    singles, grouped = rows.read(files.singles), rows.read(files.grouped)
    published = rows.read(snakemake.resources.published)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        parts = rows.select(singles, **named), rows.select(grouped, **named)
        figures.save(groups.draw(*parts, published, **named), svg, png)
