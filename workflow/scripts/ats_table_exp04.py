"""Print the table of ats-exp04: competing defences, and policies of equal accuracy beside them."""

from types import SimpleNamespace

from reveil import rows, tables
from reveil.job import Job

files, out = snakemake.input, snakemake.output
pairs = SimpleNamespace(csv=out.pairs, markdown=out.pairs_markdown, html=out.pairs_html)
with Job("ats_table_exp04", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment=["ats-exp04", "ats-exp03"],
        by=["policy", "defence"],
        baseline={"defence": "none"},
    )
    table["pareto"] = tables.pareto_front(table)
    tables.write(table, out, images)
    tables.write(tables.equal_accuracy(table, images), pairs)
