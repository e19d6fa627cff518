"""Print the table of ats-exp10: S_pri against PSNR over 100 random policies."""

from reveil import rows, tables
from reveil.files import write_csv
from reveil.job import Job

files, scored_by = snakemake.input, snakemake.params.scored_by
with Job("ats_table_exp10", snakemake.log[0]):
    images, repeats = rows.read(files.images), rows.read(files.repeats)
    published = rows.read(snakemake.resources.published)
    scores = tables.policy_scores(images, repeats, scored_by=scored_by)
    write_csv(snakemake.output.correlation, scores)
    table = tables.correlation_table(
        scores, published, repeats, scored_by=scored_by, experiments="ats-exp10"
    )
    tables.write(table, snakemake.output, images, tables.correlation_notes(table))
