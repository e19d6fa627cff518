"""Stack the rows of many jobs into one tidy table."""

from reveil import rows
from reveil.job import Job

with Job("collect_rows", snakemake.log[0]):
    rows.write(snakemake.output[0], rows.stack(snakemake.input))
