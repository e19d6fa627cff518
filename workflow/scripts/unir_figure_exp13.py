"""Draw a figure of unir-exp13: errors against the assumed operator, a page an operator."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import pages, sweep, values

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp13", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    for page, svg, png, recipes in zip(params.pages, out.svg, out.png, params.recipes, strict=True):
        shown, true = pages.reconstructed(images, page), params.operators[page["policy"]]
        places = values.assumed(recipes, true, params.operators)
        figure = sweep.draw(
            shown, "assumed", places, true=values.place(true), **pages.heading(page)
        )
        figures.save(figure, svg, png)
