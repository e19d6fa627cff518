"""Print the table of cvnn-ext11: published errors in one unit."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

with Job("cvnn_table_ext11", snakemake.log[0]):
    tables.write(tables.unit_table(rows.read(snakemake.resources.published)), snakemake.output)
