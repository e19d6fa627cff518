"""Rank the 50 single transformations by their privacy score."""

from reveil import rows, tables
from reveil.files import write_csv, write_text
from reveil.job import Job

with Job("ats_table_singles", snakemake.log[0]):
    table = tables.single_table(rows.read(snakemake.input.singles))
    write_csv(snakemake.output.csv, table)
    write_text(snakemake.output.markdown, tables.to_markdown(table))
