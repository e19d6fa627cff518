"""Draw a figure of unir-exp10: scores of samples against what is missing, a page a network."""

from reveil import figures, rows
from reveil.job import Job
from reveil.unir.figures import pages, scores, values

params, out = snakemake.params, snakemake.output
with Job("unir_figure_exp10", snakemake.log[0]):
    samples = rows.read(snakemake.input.samples)
    published = scores.printed(rows.read(snakemake.resources.published))
    shares = values.shares(params.operators)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        shown = rows.select(samples, **page)
        # Theirs are of digits, by that network.
        beside = published if page["model"].startswith("ambient-mnist") else None
        figures.save(scores.draw(shown, shares, beside, **pages.heading(page)), svg, png)
