"""Print the table of cvnn-ext04: inference of fine classes."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext04", snakemake.log[0]):
    models = rows.read(files.models)
    table = tables.inference_table(
        rows.read(files.images),
        models,
        tasks_of=tables.tasks_of(models["dataset"]),
    )
    tables.write(table, snakemake.output)
