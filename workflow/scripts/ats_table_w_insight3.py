"""Print the table of ats-w-insight3: policies made of the best single transformations."""

import pandas as pd

from reveil import rows, tables
from reveil.files import write_csv
from reveil.job import Job

files = snakemake.input
with Job("ats_table_w_insight3", snakemake.log[0]):
    published = rows.read(snakemake.resources.published)
    singles = rows.read(files.singles)
    scores = pd.concat([rows.read(files.scores), rows.read(files.lists)], ignore_index=True)
    grouped = tables.grouped_scores(scores, singles=singles)
    agreement = tables.ranking_agreement(tables.single_ranking(singles, published))
    best = tables.best_table(grouped, published)
    write_csv(snakemake.output.scores, grouped)
    tables.write(pd.concat([best, agreement], ignore_index=True), snakemake.output)
