"""Draw S_pri against PSNR and gain, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import correlation
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_w_claim1", snakemake.log[0]):
    scores = rows.read(snakemake.input.correlation)
    estimates = rows.read(snakemake.input.table)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        parts = attacked(scores, page), attacked(estimates, page)
        figures.save(correlation.draw(*parts, **subject(page)), svg, png)
