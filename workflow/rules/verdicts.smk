# What the run's numbers say of each claim, by the criteria of config/claims.yaml. The rules of the
# other studies are the one of ats with other tables.


rule judge_ats:
    input:
        tables_of_claims("ats"),
    output:
        **verdict_files("ats"),
    log:
        f"logs/{config['run']}/judge_ats.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        claims="\n".join(CLAIM_FILES),
        root=str(ROOT),
    params:
        **judging("ats"),
    message:
        "Judge the claims of ats"
    script:
        "../scripts/judge_ats.py"


use rule judge_ats as judge_cvnn with:
    input:
        tables_of_claims("cvnn"),
    output:
        **verdict_files("cvnn"),
    log:
        f"logs/{config['run']}/judge_cvnn.log",
    params:
        **judging("cvnn"),
    message:
        "Judge the claims of cvnn"


use rule judge_ats as judge_unir with:
    input:
        tables_of_claims("unir"),
    output:
        **verdict_files("unir"),
    log:
        f"logs/{config['run']}/judge_unir.log",
    params:
        **judging("unir"),
    message:
        "Judge the claims of unir"


rule judge_claims:
    input:
        verdicts=[verdict_files(study)["verdicts"] for study in config["studies"]],
        tests=[verdict_files(study)["tests"] for study in config["studies"]],
    output:
        verdicts=f"results/{config['run']}/verdicts.csv",
        tests=f"results/{config['run']}/verdict-tests.csv",
        markdown=f"results/{config['run']}/verdicts.md",
        html=for_report(
            f"results/{config['run']}/verdicts.html",
            caption="../report/judge_claims.rst",
            category=" Verdicts",
            labels={"table": "verdicts on all claims"},
        ),
    log:
        f"logs/{config['run']}/judge_claims.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("judge_claims"),
    message:
        "Put the verdicts on all claims into one table"
    script:
        "../scripts/judge_claims.py"
