"""Draw training with each policy, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import curves
from reveil.figures.pages import subject, trained
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_w_claim2_curves", snakemake.log[0]):
    table = rows.read(snakemake.input.histories)
    pages = zip(params.pages, params.models, out.svg, out.png, strict=True)
    for page, models, svg, png in pages:
        figures.save(curves.draw(trained(table, page, models), **subject(page)), svg, png)
