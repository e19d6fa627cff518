"""Draw images, their partners and reconstructions, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import grid
from reveil.figures.grid import numbers
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_grid", snakemake.log[0]):
    table = rows.select(rows.read(snakemake.input.images), seed=params.seed)
    for page, svg, png, attacks in zip(params.pages, out.svg, out.png, params.attacks, strict=True):
        images, pictures, labels = grid.read_rows(rows.select(table, **page), attacks)
        shown = numbers(pictures, params.positions)
        figures.save(grid.draw(images, pictures, shown, labels, **page), svg, png)
