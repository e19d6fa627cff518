"""Print the table of cvnn-ext13: what the device computes."""

from reveil.cvnn import tables
from reveil.job import Job
from reveil.stages.private_costs import private_costs

with Job("cvnn_table_ext13", snakemake.log[0]):
    tables.write(tables.share_table(private_costs(snakemake.params.networks)), snakemake.output)
