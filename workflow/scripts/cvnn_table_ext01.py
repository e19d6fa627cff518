"""Print the table of cvnn-ext01: classification errors of all networks."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext01", snakemake.log[0]):
    table = tables.classification_table(
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        experiment=["cvnn-ext01", "cvnn-exp04"],
    )
    tables.write(table, snakemake.output)
