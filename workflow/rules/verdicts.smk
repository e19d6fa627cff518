# What the run's numbers say of each claim, by the criteria of config/claims.yaml.


rule judge_claims:
    input:
        lambda w: sorted(
            {path for files in files_of_claims(w.study).values() for path in files.values()}
        ),
    output:
        verdicts="results/{run}/{study}/verdicts.csv",
        tests="results/{run}/{study}/verdict-tests.csv",
        provenance="results/{run}/{study}/verdicts.json",
    log:
        "logs/{run}/judge_claims/{study}.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        claims="\n".join(CLAIM_FILES),
        root=str(ROOT),
    params:
        files=lambda w: files_of_claims(w.study),
        iterations=lambda w: claimed_iterations(w.study),
        criteria=[file_digest(path) for path in CLAIM_FILES],
        registered=file_digest(ROOT / criteria.REGISTERED),
        code=code_of("judge_claims"),
    message:
        "Judge the claims of {wildcards.study}"
    script:
        "../scripts/judge_claims.py"


rule collect_verdicts:
    input:
        verdicts=expand(
            rules.judge_claims.output.verdicts, study=list(config["studies"]), allow_missing=True
        ),
        tests=expand(
            rules.judge_claims.output.tests, study=list(config["studies"]), allow_missing=True
        ),
    output:
        verdicts="results/{run}/verdicts.csv",
        tests="results/{run}/verdict-tests.csv",
        markdown="results/{run}/verdicts.md",
        html=for_report(
            "results/{run}/verdicts.html",
            caption="../report/verdicts.rst",
            category=" Verdicts",
            labels={"table": "verdicts on all claims"},
        ),
    log:
        "logs/{run}/collect_verdicts.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("collect_verdicts"),
    message:
        "Put the verdicts on all claims into one table"
    script:
        "../scripts/collect_verdicts.py"
