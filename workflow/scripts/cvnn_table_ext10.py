"""Print the table of cvnn-ext10: attackers who make two guesses."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext10", snakemake.log[0]):
    table = tables.two_image_table(rows.read(files.images))
    tables.write(table, snakemake.output)
