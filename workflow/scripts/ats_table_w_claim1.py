"""Print the table of ats-w-claim1: S_pri against PSNR over random policies of its own."""

import pandas as pd

from reveil import rows, tables
from reveil.files import write_csv
from reveil.job import Job

files, scored_by = snakemake.input, snakemake.params.scored_by
with Job("ats_table_w_claim1", snakemake.log[0]):
    images, repeats = rows.read(files.images), rows.read(files.repeats)
    published = rows.read(snakemake.resources.published)
    scores = tables.policy_scores(images, repeats, scored_by=scored_by)
    write_csv(snakemake.output.correlation, scores)
    table = tables.correlation_table(
        scores, published, repeats, scored_by=scored_by, experiments="ats-w-claim1"
    )
    notes = tables.correlation_notes(table)
    means = tables.mean_psnr(scores, published, "ats-w-claim1")
    tables.write(pd.concat([table, means], ignore_index=True), snakemake.output, images, notes)
