"""Print the table of cvnn-core: what end, adversary and swap contribute."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_core", snakemake.log[0]):
    table = tables.core_table(
        rows.read(files.images),
        rows.read(files.models),
    )
    tables.write(table, snakemake.output)
