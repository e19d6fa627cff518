"""Draw originals, transformed images and reconstructions, a page per protocol, dataset, model."""

from reveil import figures, rows
from reveil.figures import grid
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_w_claim2_grid", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    pages = zip(params.pages, params.arrays, out.svg, out.png, strict=True)
    for page, attacks, svg, png in pages:
        images = rows.select(attacked(table, page), seed=params.seed)
        place = {name: page[name] for name in ("dataset", "model")}
        shown, pictures, labels = grid.read_rows(images, attacks, **place)
        chosen = grid.numbers(pictures, params.positions)
        figures.save(grid.draw(shown, pictures, chosen, labels, **subject(page)), svg, png)
