"""Draw what victims used and the reconstructions, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import comparison, grid
from reveil.figures.pages import attacked, subject
from reveil.job import Job
from reveil.tables.published import published_images

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp02", snakemake.log[0]):
    table = rows.read(snakemake.input.images)
    published = rows.read(snakemake.resources.published)
    pages = zip(params.pages, params.arrays, out.svg, out.png, strict=True)
    for page, attacks, svg, png in pages:
        images = rows.select(attacked(table, page), seed=params.seed)
        place = {name: page[name] for name in ("dataset", "model")}
        shown, pictures, labels = grid.read_rows(images, attacks, **place)
        chosen = grid.numbers(pictures, params.positions)
        theirs = published_images(published, "ats-exp02", "drabent2022", **place)
        figure = comparison.draw(shown, pictures, chosen, labels, theirs, **subject(page))
        figures.save(figure, svg, png)
