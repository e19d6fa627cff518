"""Print the table of ats-exp09: S_pri of each single transformation."""

from reveil import rows, tables
from reveil.job import Job

with Job("ats_table_exp09", snakemake.log[0]):
    published = rows.read(snakemake.resources.published)
    table = tables.single_ranking(rows.read(snakemake.input.singles), published)
    note = tables.overlap_note(table, published, "ats-exp09")
    tables.write(table, snakemake.output, None, note)
