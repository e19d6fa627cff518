"""Print the table of ats-ext02: S_pri of each single transformation on Tiny-ImageNet-200."""

from reveil import rows, tables
from reveil.job import Job

with Job("ats_table_ext02", snakemake.log[0]):
    published = rows.read(snakemake.resources.published)
    table = tables.single_ranking(rows.read(snakemake.input.singles), published)
    note = tables.overlap_note(table, published, "ats-ext02")
    tables.write(table, snakemake.output, None, note)
