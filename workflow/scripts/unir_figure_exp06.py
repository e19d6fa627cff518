"""Draw a figure of unir-exp06: errors against the weight of the likelihood, a page a network."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import pages, sweep, values

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp06", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    for page, svg, png, recipes in zip(params.pages, out.svg, out.png, params.recipes, strict=True):
        shown, places = pages.reconstructed(images, page), values.weights(recipes)
        figures.save(sweep.draw(shown, "weight", places, **pages.heading(page)), svg, png)
