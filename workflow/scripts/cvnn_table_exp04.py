"""Print the table of cvnn-exp04: classification errors."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_exp04", snakemake.log[0]):
    table = tables.classification_table(
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        experiment="cvnn-exp04",
    )
    tables.write(table, snakemake.output)
