"""Print the table of cvnn-ext05: inference of attributes."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext05", snakemake.log[0]):
    table = tables.inference_table(
        rows.read(files.images),
        rows.read(files.models),
    )
    tables.write(table, snakemake.output)
