"""Print the table of ats-cost: what a training, a search and an attack take, and experiments."""

import pandas as pd

from reveil import rows, tables
from reveil.files import write_csv
from reveil.job import Job

files, params = snakemake.input, snakemake.params
with Job("ats_table_cost", snakemake.log[0]):
    published = rows.read(snakemake.resources.published)
    table = tables.cost_table(
        rows.read(files.models),
        rows.read(files.scores),
        rows.read(files.images),
        tables.read_benchmarks(params.jobs),
        published,
        restarts=params.restarts,
    )
    tables.write(table, snakemake.output)
    units = pd.DataFrame(params.units)
    write_csv(snakemake.output.hours, tables.gpu_hours(table, units))
