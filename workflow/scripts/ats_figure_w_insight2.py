"""Draw random policies against none, on both scores, a page per protocol, dataset and model."""

from reveil import figures, rows, tables
from reveil.figures import plane
from reveil.figures.pages import subject
from reveil.job import Job

files, params, out = snakemake.input, snakemake.params, snakemake.output
with Job("ats_figure_w_insight2", snakemake.log[0]):
    scores, singles = rows.read(files.scores), rows.read(files.singles)
    grouped = tables.grouped_scores(scores, singles=singles)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        figures.save(plane.draw(rows.select(grouped, **named), **named), svg, png)
