"""Print the tables of cvnn-ext07: AlexNet on faces."""

from types import SimpleNamespace

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files, out = snakemake.input, snakemake.output
with Job("cvnn_table_ext07", snakemake.log[0]):
    models, published = rows.read(files.models), rows.read(snakemake.resources.published)
    images = rows.read(files.images)
    table = tables.inversion_table(images, models, published, experiment="cvnn-ext07")
    tables.write(table, out)
    errors = tables.classification_table(models, published, experiment="cvnn-ext07")
    paths = SimpleNamespace(csv=out.errors, html=out.errors_html, markdown=out.errors_markdown)
    tables.write(errors, paths)
