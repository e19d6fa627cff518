"""Print the table of ats-leaks: the attacker's gain regressed on what is known of each image."""

from reveil import leaks, rows, tables
from reveil.job import Job

with Job("ats_table_leaks", snakemake.log[0]):
    tables.write(leaks.leaks(rows.read(snakemake.input.images)), snakemake.output)
