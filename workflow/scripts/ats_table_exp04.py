"""Print the table of ats-exp04: competing defences, and policies of equal accuracy beside them."""

from reveil import rows, tables
from reveil.files import write_csv
from reveil.job import Job

files = snakemake.input
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
    tables.write(table, snakemake.output, images)
    write_csv(snakemake.output.pairs, tables.equal_accuracy(table, images))
