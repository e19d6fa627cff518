"""Print the table of cvnn-ext08: errors by k and by the weight of the adversary."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext08", snakemake.log[0]):
    table = tables.k_table(
        rows.read(files.images),
        rows.read(files.models),
        snakemake.params.weights,
    )
    tables.write(table, snakemake.output)
