"""Print the table of cvnn-exp02: inversion attack 1."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_exp02", snakemake.log[0]):
    table = tables.inversion_table(
        rows.read(files.images),
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        experiment="cvnn-exp02",
    )
    tables.write(table, snakemake.output)
