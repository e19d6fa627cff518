"""Draw a figure of unir-exp01: losses of the GAN that was run, a page an operator."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import curves, pages

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp01", snakemake.log[0]):
    histories = rows.read(snakemake.input.histories)
    published = curves.printed(rows.read(snakemake.resources.published))
    for page, svg, png, recipes in zip(params.pages, out.svg, out.png, params.recipes, strict=True):
        shown = pages.trained(histories, page, recipes)
        beside = published if page["protocol"] == "guo2020" else None
        figures.save(curves.draw(shown, beside, **pages.heading(page)), svg, png)
