"""Draw the candidates in the plane of the two scores, a page per protocol, dataset and model."""

from reveil import figures, rows
from reveil.figures import candidates
from reveil.figures.pages import subject
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("ats_figure_search", snakemake.log[0]):
    scores, singles = rows.read(snakemake.input.scores), rows.read(snakemake.input.singles)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        none = rows.select(singles, **named, seed=params.seed, policy="none").iloc[0]
        per_image, threshold = params.filters[page["protocol"]]
        figure = candidates.draw(
            rows.select(scores, **named, seed=params.seed),
            **named,
            final=params.final[page["protocol"]],
            threshold=threshold,
            per_image=per_image,
            none=(none["s_acc"] / (none["s_acc_rows"] if per_image else 1), none["s_pri"]),
        )
        figures.save(figure, svg, png)
