"""Print the table of ats-leaks: the attacker's gain regressed on what is known of each image."""

from reveil import leaks, rows, tables
from reveil.job import Job

with Job("ats_table_leaks", snakemake.log[0]):
    images = rows.read(snakemake.input.images)
    tables.write(leaks.leaks(images), snakemake.output, images)
