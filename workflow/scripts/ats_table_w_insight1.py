"""Print the table of ats-w-insight1: an attacker who knows of the translations."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_w_insight1", snakemake.log[0]):
    images = rows.read(files.images)
    published = rows.read(snakemake.resources.published)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        published,
        snakemake.params.judge,
        experiment="ats-w-insight1",
        by=["policy", "attack"],
        baseline={"attack": "inversed"},
    )
    table = tables.enhanced_columns(table, published)
    tables.write(table, snakemake.output, images)
