"""Print the table of cvnn-ext12: equivariance and gradient paths."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext12", snakemake.log[0]):
    table = tables.equivariance_table(rows.read(files.models))
    tables.write(table, snakemake.output)
