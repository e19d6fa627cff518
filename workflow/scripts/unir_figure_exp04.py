"""Draw a figure of unir-exp04: PSNR of every method on every operator, a page a network."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import methods, pages

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp04", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        shown = pages.reconstructed(images, page)
        figures.save(methods.draw(shown, **pages.heading(page)), svg, png)
