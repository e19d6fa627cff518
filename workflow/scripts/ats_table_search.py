"""Print the table of ats-search: what each search selected, and from how many."""

import pandas as pd

from reveil import rows, tables
from reveil.job import Job

with Job("ats_table_search", snakemake.log[0]):
    scores = rows.read(snakemake.input.scores)
    parts = [
        tables.search_table(rows.select(scores, protocol=name), max(final, 10))
        for name, final in snakemake.params.final.items()
    ]
    tables.write(pd.concat(parts, ignore_index=True), snakemake.output)
