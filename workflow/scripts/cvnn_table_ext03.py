"""Print the table of cvnn-ext03: errors of the guessed angle."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext03", snakemake.log[0]):
    table = tables.angle_table(
        rows.read(files.images),
        rows.read(snakemake.resources.published),
        experiment="cvnn-ext03",
    )
    tables.write(table, snakemake.output)
