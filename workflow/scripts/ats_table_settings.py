"""Print the table of ats-settings: batch statistics and labels that the attacker does not have."""

from reveil import captions, rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_settings", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-settings",
        by=["policy", "attack"],
        baseline={"protocol": "fixed", "attack": "inversed"},
    )
    tables.write(table, snakemake.output, images, captions.batch_norm_note(table))
