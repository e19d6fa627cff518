"""Draw errors and accuracies by k, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.cvnn.figures import ksweep
from reveil.figures.pages import attacked, subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_ext08", snakemake.log[0]):
    table, models = rows.read(snakemake.input.images), rows.read(snakemake.input.models)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        trained = rows.select(models, dataset=page["dataset"], model=page["model"])
        figure = ksweep.draw(attacked(table, page), trained, params.weights, **subject(page))
        figures.save(figure, svg, png)
