"""Draw how well each layer's gradient is matched, a page per protocol, dataset and model."""

import pandas as pd

from reveil import figures, rows
from reveil.figures import layers
from reveil.figures.pages import subject
from reveil.files import write_csv
from reveil.job import Job
from reveil.layer_rows import layer_rows

params, out = snakemake.params, snakemake.output
with Job("ats_figure_exp08", snakemake.log[0]):
    parts = [
        layer_rows(one["arrays"], {**subject(page), "policy": one["policy"], "seed": one["seed"]})
        for page, attacks in zip(params.pages, params.arrays, strict=True)
        for one in attacks
    ]
    table = pd.concat(parts, ignore_index=True)
    write_csv(out.layers, table)
    for page, svg, png in zip(params.pages, out.svg, out.png, strict=True):
        named = subject(page)
        figures.save(layers.draw(rows.select(table, **named), **named), svg, png)
