"""Stack the rows of many jobs into one tidy table, and check it against its schema."""

from reveil import rows
from reveil.job import Job

with Job("collect_images", snakemake.log[0]):
    table = rows.stack(snakemake.input)
    rows.check(table, snakemake.resources.schema)
    rows.write(snakemake.output[0], table)
