"""Draw a figure of unir-exp04: reconstructions by every method, a page an operator."""

from reveil import figures, rows
from reveil.figures.grid import numbers
from reveil.job import Job
from reveil.unir.figures import grid, pages

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp04_grid", snakemake.log[0]):
    table = rows.select(rows.read(snakemake.input.images), seed=params.seed)
    for page, svg, png, attacks in zip(params.pages, out.svg, out.png, params.attacks, strict=True):
        images, pictures = grid.read_rows(pages.reconstructed(table, page), attacks)
        shown = numbers(pictures, params.positions)
        figures.save(grid.draw(images, pictures, shown, **pages.heading(page)), svg, png)
