"""Draw reconstructions after inversion attack 1, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import grid
from reveil.figures.grid import numbers
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_exp05", snakemake.log[0]):
    table = rows.select(rows.read(snakemake.input.images), seed=params.seed)
    for page, svg, png, attacks in zip(params.pages, out.svg, out.png, params.attacks, strict=True):
        images, pictures, labels = grid.read_rows(attacked(table, page), attacks)
        shown = numbers(pictures, params.positions)
        figures.save(grid.draw(images, pictures, shown, labels, **subject(page)), svg, png)
