"""Draw a figure of unir-exp14: errors against the number of measurements, a page a network."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import pages, sweep, values

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp14", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    models = rows.read(snakemake.input.models)
    for page, svg, png, recipes in zip(params.pages, out.svg, out.png, params.recipes, strict=True):
        shown = pages.reconstructed(images, page)
        places = values.sizes(pages.trained(models, page, recipes))
        figures.save(sweep.draw(shown, "size", places, **pages.heading(page)), svg, png)
