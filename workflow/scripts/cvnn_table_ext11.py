"""Print the table of cvnn-ext11: published errors in one unit, ours beside them."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext11", snakemake.log[0]):
    published = rows.read(snakemake.resources.published)
    ours = tables.inversion_table(
        rows.read(files.images),
        rows.read(files.models),
        published,
        experiment="cvnn-ext11",
    )
    tables.write(tables.unit_table(published, ours), snakemake.output)
