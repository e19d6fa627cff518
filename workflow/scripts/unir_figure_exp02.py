"""Draw a figure of unir-exp02: samples of the GAN that was run, a page an operator and recipe."""

from reveil import figures
from reveil.files import read_npz
from reveil.job import Job
from reveil.unir.figures import pages, samples

params, out = snakemake.params, snakemake.output
files = snakemake.input
with Job("unir_figure_exp02", snakemake.log[0]):
    drawn = zip(params.pages, files.arrays, out.svg, out.png, strict=True)
    for page, path, svg, png in drawn:
        figure = samples.draw(
            **read_npz(path, what="samples"),
            operator=page["policy"],
            recipe=page["recipe"],
            seed=params.seed,
            **pages.heading(page),
        )
        figures.save(figure, svg, png)
