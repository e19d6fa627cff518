"""Draw the training curves, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import curves
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_curves", snakemake.log[0]):
    table = rows.read(snakemake.input.histories)
    pages = zip(params.pages, params.recipes, params.policies, out.svg, out.png, strict=True)
    for page, recipe, policies, svg, png in pages:
        trained = table[table["policy"].isin(policies)]
        history = rows.select(trained, dataset=page["dataset"], model=page["model"], recipe=recipe)
        figures.save(curves.draw(history, **page), svg, png)
