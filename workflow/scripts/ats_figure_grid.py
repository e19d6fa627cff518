"""Draw originals, transformed images and reconstructions, a page per protocol, dataset, model."""

from reveil import figures, rows
from reveil.figures import grid
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_grid", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    for page, svg, png, arrays in zip(params.pages, out.svg, out.png, params.arrays, strict=True):
        images = rows.select(table, **page, seed=params.seed, attack=params.attack)
        pictures = {policy: grid.read_pictures(paths) for policy, paths in arrays.items()}
        shown = grid.numbers(pictures, params.positions)
        figures.save(grid.draw(images, pictures, shown, **page), svg, png)
