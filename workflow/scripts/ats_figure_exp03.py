"""Draw PSNR under the policies with its floors, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import psnr
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp03", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(psnr.draw(attacked(table, page), **subject(page)), svg, png)
