"""Print the policy table beside the published one."""

from reveil import rows, tables
from reveil.files import write_csv, write_text
from reveil.job import Job

with Job("ats_table_policies", snakemake.log[0]):
    images, models = rows.read(snakemake.input.images), rows.read(snakemake.input.models)
    published = rows.read(snakemake.resources.published)
    table = tables.policy_table(images, models, published, snakemake.params.judge)
    write_csv(snakemake.output.csv, table)
    write_text(snakemake.output.html, tables.to_html(table))
    write_text(snakemake.output.markdown, tables.to_markdown(table))
