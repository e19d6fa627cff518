# The printed tables of Warmerdam et al. 2022, one rule each.


rule ats_table_w_claim1:
    input:
        images=tidy("ats-w-claim1", "images"),
        repeats=tidy("ats-w-claim1", "repeats"),
    output:
        csv=experiment_table("ats-w-claim1"),
        html=experiment_table("ats-w-claim1", "html"),
        markdown=experiment_table("ats-w-claim1", "md"),
        correlation=tidy("ats-w-claim1", "correlation"),
    log:
        f"logs/{config['run']}/ats_table_w_claim1.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        scored_by=lambda w: scored_by("ats-w-claim1"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_w_claim1"),
    message:
        "Print the table of ats-w-claim1: s_pri against PSNR over random policies of its own"
    script:
        "../scripts/ats_table_w_claim1.py"


rule ats_table_w_claim2:
    input:
        images=tidy("ats-w-claim2", "images"),
        models=tidy("ats-w-claim2", "models"),
    output:
        csv=experiment_table("ats-w-claim2"),
        html=experiment_table("ats-w-claim2", "html"),
        markdown=experiment_table("ats-w-claim2", "md"),
    log:
        f"logs/{config['run']}/ats_table_w_claim2.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-w-claim2"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_w_claim2"),
    message:
        "Print the table of ats-w-claim2: accuracy and PSNR under the searched policies"
    script:
        "../scripts/ats_table_w_claim2.py"


rule ats_table_w_insight1:
    input:
        images=tidy("ats-w-insight1", "images"),
        models=tidy("ats-w-insight1", "models"),
    output:
        csv=experiment_table("ats-w-insight1"),
        html=experiment_table("ats-w-insight1", "html"),
        markdown=experiment_table("ats-w-insight1", "md"),
    log:
        f"logs/{config['run']}/ats_table_w_insight1.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-w-insight1"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_w_insight1"),
    message:
        "Print the table of ats-w-insight1: an attacker who knows of the translations"
    script:
        "../scripts/ats_table_w_insight1.py"


rule ats_table_w_insight2:
    input:
        scores=tidy("ats-w-insight2", "scores"),
        singles=tidy("ats-w-insight2", "singles"),
    output:
        csv=experiment_table("ats-w-insight2"),
        html=experiment_table("ats-w-insight2", "html"),
        markdown=experiment_table("ats-w-insight2", "md"),
    log:
        f"logs/{config['run']}/ats_table_w_insight2.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_w_insight2"),
    message:
        "Print the table of ats-w-insight2: random policies against no policy, on both scores"
    script:
        "../scripts/ats_table_w_insight2.py"


rule ats_table_w_insight3:
    input:
        scores=tidy("ats-w-insight3", "scores"),
        singles=tidy("ats-w-insight3", "singles"),
        lists=tidy("ats-w-insight3", "lists"),
    output:
        csv=experiment_table("ats-w-insight3"),
        html=experiment_table("ats-w-insight3", "html"),
        markdown=experiment_table("ats-w-insight3", "md"),
        scores=tidy("ats-w-insight3", "grouped"),
    log:
        f"logs/{config['run']}/ats_table_w_insight3.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_w_insight3"),
    message:
        "Print the table of ats-w-insight3: policies made of the best single transformations"
    script:
        "../scripts/ats_table_w_insight3.py"
