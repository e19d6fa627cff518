"""Print the table of cvnn-exp08: when attackers stop."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_exp08", snakemake.log[0]):
    table = tables.stop_table(rows.read(files.attackers))
    tables.write(table, snakemake.output)
