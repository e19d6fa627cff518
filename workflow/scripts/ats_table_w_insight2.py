"""Print the table of ats-w-insight2: random policies against no policy, on both scores."""

import pandas as pd

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_w_insight2", snakemake.log[0]):
    scores, singles = rows.read(files.scores), rows.read(files.singles)
    published = rows.read(snakemake.resources.published)
    grouped = tables.grouped_scores(scores, singles=singles)
    parts = [tables.random_table(grouped, published), tables.named_policies(grouped, published)]
    tables.write(pd.concat(parts, ignore_index=True), snakemake.output)
