"""Put the verdicts on all claims into one table, for machines and for readers."""

from reveil import rows
from reveil.files import write_text
from reveil.job import Job, log
from reveil.verdicts import shown

files, out = snakemake.input, snakemake.output
with Job("judge_claims", snakemake.log[0]):
    table = rows.stack(files.verdicts)
    rows.write(out.verdicts, table)
    rows.write(out.tests, rows.stack(files.tests))
    write_text(out.markdown, shown.to_markdown(table))
    write_text(out.html, shown.to_html(table))
    log.info("%s", shown.summary(table))
