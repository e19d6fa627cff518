"""Print the table of cvnn-ext09: attacks on the angle without learning."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext09", snakemake.log[0]):
    table = tables.angle_table(
        rows.read(files.images),
        rows.read(snakemake.resources.published),
        experiment="cvnn-ext09",
    )
    tables.write(table, snakemake.output)
