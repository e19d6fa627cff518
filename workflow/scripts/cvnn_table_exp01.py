"""Print the table of cvnn-exp01: time of a training."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job, hardware

files = snakemake.input
with Job("cvnn_table_exp01", snakemake.log[0]):
    table = tables.runtime_table(
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        hardware=hardware(files.provenance),
    )
    tables.write(table, snakemake.output)
