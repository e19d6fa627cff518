"""Draw losses of D and G, a page an operator."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import curves, pages

params, out = snakemake.params, snakemake.output
with Job("unir_figure_curves", snakemake.log[0]):
    histories = rows.read(snakemake.input.histories)
    for page, svg, png, recipes in zip(params.pages, out.svg, out.png, params.recipes, strict=True):
        shown = pages.trained(histories, page, recipes)
        figures.save(curves.draw(shown, **pages.heading(page)), svg, png)
