"""Print the table of ats-exp05: six attacks, and stronger ones."""

from reveil import captions, rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_exp05", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-exp05",
        by=["attack", "policy"],
    )
    tables.write(table, snakemake.output, images, captions.batch_norm_note(table))
