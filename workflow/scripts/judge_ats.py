"""Judge the claims of one study by their criteria: of ats, and of the others likewise."""

from pathlib import Path

from reveil import rows
from reveil.digest import file_digest
from reveil.job import Job, write_provenance
from reveil.provenance.run import made_by, named
from reveil.stages.judging_claims import judge_study

out, params, how = snakemake.output, snakemake.params, snakemake.resources
study, run = params.study, params.run
with Job("judge_ats", snakemake.log[0]) as job:
    claims = how.claims.splitlines()
    known = {"iterations": params.iterations, "cuts": params.cuts}
    verdicts, tests = judge_study(study, run, claims, Path(how.root), params.files, **known)
    rows.write(out.verdicts, verdicts)
    rows.write(out.tests, tests)
    write_provenance(
        out.provenance,
        job,
        claims={named([path], Path(how.root))[0]: file_digest(path) for path in claims},
        tables={path: file_digest(path) for path in snakemake.input},
        made_by=made_by(Path.cwd(), run),
    )
