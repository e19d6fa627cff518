"""Print the table of cvnn-exp10: what became of the critics."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_exp10", snakemake.log[0]):
    table = tables.adversary_table(rows.read(files.models), rows.read(files.histories))
    tables.write(table, snakemake.output)
