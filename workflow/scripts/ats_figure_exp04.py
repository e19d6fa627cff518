"""Draw policies and defences by gain and accuracy, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import defences
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp04", snakemake.log[0]):
    table = rows.read(snakemake.input.table)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        figures.save(defences.draw(attacked(table, page), **subject(page)), svg, png)
