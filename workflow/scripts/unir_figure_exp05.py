"""Draw a figure of unir-exp05: errors against the share that is missing, a page a network."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import pages, sweep, values

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp05", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    places = values.shares(params.operators)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        shown = pages.reconstructed(images, page)
        figures.save(sweep.draw(shown, "rate", places, **pages.heading(page)), svg, png)
