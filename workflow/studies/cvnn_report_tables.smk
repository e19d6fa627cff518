# The printed tables of the experiments of Knijff et al. 2021, one rule each.


rule cvnn_table_exp02:
    input:
        images=tidy("cvnn-exp02", "images"),
        models=tidy("cvnn-exp02", "models"),
    output:
        csv=experiment_table("cvnn-exp02"),
        html=experiment_table("cvnn-exp02", "html"),
        markdown=experiment_table("cvnn-exp02", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_exp02"),
    message:
        "Print the table of cvnn-exp02: inversion attack 1"
    script:
        "../scripts/cvnn_table_exp02.py"


rule cvnn_table_exp03:
    input:
        images=tidy("cvnn-exp03", "images"),
        models=tidy("cvnn-exp03", "models"),
    output:
        csv=experiment_table("cvnn-exp03"),
        html=experiment_table("cvnn-exp03", "html"),
        markdown=experiment_table("cvnn-exp03", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_exp03"),
    message:
        "Print the table of cvnn-exp03: inversion attack 2"
    script:
        "../scripts/cvnn_table_exp03.py"


rule cvnn_table_exp04:
    input:
        models=tidy("cvnn-exp04", "models"),
    output:
        csv=experiment_table("cvnn-exp04"),
        html=experiment_table("cvnn-exp04", "html"),
        markdown=experiment_table("cvnn-exp04", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_exp04"),
    message:
        "Print the table of cvnn-exp04: classification errors"
    script:
        "../scripts/cvnn_table_exp04.py"


rule cvnn_table_exp08:
    input:
        attackers=tidy("cvnn-exp08", "attackers"),
    output:
        csv=experiment_table("cvnn-exp08"),
        html=experiment_table("cvnn-exp08", "html"),
        markdown=experiment_table("cvnn-exp08", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_exp08"),
    message:
        "Print the table of cvnn-exp08: when attackers stop"
    script:
        "../scripts/cvnn_table_exp08.py"


rule cvnn_table_exp09:
    input:
        images=tidy("cvnn-exp09", "images"),
        models=tidy("cvnn-exp09", "models"),
    output:
        csv=experiment_table("cvnn-exp09"),
        html=experiment_table("cvnn-exp09", "html"),
        markdown=experiment_table("cvnn-exp09", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp09.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_exp09"),
    message:
        "Print the table of cvnn-exp09: the exchange of a and b"
    script:
        "../scripts/cvnn_table_exp09.py"


rule cvnn_table_exp10:
    input:
        models=tidy("cvnn-exp10", "models"),
        histories=tidy("cvnn-exp10", "histories"),
    output:
        csv=experiment_table("cvnn-exp10"),
        html=experiment_table("cvnn-exp10", "html"),
        markdown=experiment_table("cvnn-exp10", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_exp10"),
    message:
        "Print the table of cvnn-exp10: what became of the critics"
    script:
        "../scripts/cvnn_table_exp10.py"


rule cvnn_table_exp01:
    input:
        models=tidy("cvnn-exp01", "models"),
        provenance=lambda w: experiment_models("cvnn-exp01", "provenance"),
    output:
        csv=experiment_table("cvnn-exp01"),
        html=experiment_table("cvnn-exp01", "html"),
        markdown=experiment_table("cvnn-exp01", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_exp01"),
    message:
        "Print the table of cvnn-exp01: time of a training"
    script:
        "../scripts/cvnn_table_exp01.py"


rule cvnn_table_exp11:
    output:
        csv=experiment_table("cvnn-exp11"),
        html=experiment_table("cvnn-exp11", "html"),
        markdown=experiment_table("cvnn-exp11", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_exp11.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        networks=lambda w: experiment_networks("cvnn-exp11"),
        code=code_of("cvnn_table_exp11"),
    message:
        "Print the table of cvnn-exp11: who computes how much"
    script:
        "../scripts/cvnn_table_exp11.py"
