"""Draw who computes how much of a network, a page per dataset."""

from reveil import figures, rows
from reveil.cvnn.figures import share
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_exp11", snakemake.log[0]):
    table = rows.read(snakemake.input.table)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        name = page["dataset"]
        figures.save(share.draw(rows.select(table, dataset=name), dataset=name), svg, png)
