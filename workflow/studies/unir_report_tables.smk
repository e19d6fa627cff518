# The printed tables of what the papers and the report ran or claim, one rule each.


rule unir_table_exp01:
    input:
        histories=tidy("unir-exp01", "histories"),
    output:
        csv=experiment_table("unir-exp01"),
        html=experiment_table("unir-exp01", "html"),
        markdown=experiment_table("unir-exp01", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp01"),
        code=code_of("unir_table_exp01"),
    message:
        "Print the table of unir-exp01: the losses of the GAN that was run"
    script:
        "../scripts/unir_table_exp01.py"


rule unir_table_exp03:
    input:
        images=tidy("unir-exp03", "images"),
        models=tidy("unir-exp03", "models"),
    output:
        csv=experiment_table("unir-exp03"),
        html=experiment_table("unir-exp03", "html"),
        markdown=experiment_table("unir-exp03", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp03"),
        code=code_of("unir_table_exp03"),
    message:
        "Print the table of unir-exp03: reconstructions as the report describes them"
    script:
        "../scripts/unir_table_exp03.py"


rule unir_table_exp03_losses:
    input:
        histories=tidy("unir-exp03", "histories"),
    output:
        csv=experiment_table("unir-exp03", item="exp03-losses"),
        html=experiment_table("unir-exp03", "html", item="exp03-losses"),
        markdown=experiment_table("unir-exp03", "md", item="exp03-losses"),
    log:
        f"logs/{config['run']}/unir_table_exp03_losses.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp03"),
        code=code_of("unir_table_exp03_losses"),
    message:
        "Print the table of unir-exp03: the losses of the training that the report describes"
    script:
        "../scripts/unir_table_exp03_losses.py"


rule unir_table_exp04:
    input:
        images=tidy("unir-exp04", "images"),
        models=tidy("unir-exp04", "models"),
    output:
        csv=experiment_table("unir-exp04"),
        html=experiment_table("unir-exp04", "html"),
        markdown=experiment_table("unir-exp04", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp04"),
        code=code_of("unir_table_exp04"),
    message:
        "Print the table of unir-exp04: reconstructions by all methods"
    script:
        "../scripts/unir_table_exp04.py"


rule unir_table_exp10:
    input:
        samples=tidy("unir-exp10", "samples"),
    output:
        csv=experiment_table("unir-exp10"),
        html=experiment_table("unir-exp10", "html"),
        markdown=experiment_table("unir-exp10", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp10"),
        operators=lambda w: unir_operators("unir-exp10"),
        code=code_of("unir_table_exp10"),
    message:
        "Print the table of unir-exp10: scores of samples by what is missing"
    script:
        "../scripts/unir_table_exp10.py"


rule unir_table_exp11:
    input:
        samples=tidy("unir-exp11", "samples"),
    output:
        csv=experiment_table("unir-exp11"),
        html=experiment_table("unir-exp11", "html"),
        markdown=experiment_table("unir-exp11", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp11.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp11"),
        operators=lambda w: unir_operators("unir-exp11"),
        code=code_of("unir_table_exp11"),
    message:
        "Print the table of unir-exp11: scores of samples under other measurements"
    script:
        "../scripts/unir_table_exp11.py"


rule unir_table_exp15:
    input:
        images=tidy("unir-exp15", "images"),
        models=tidy("unir-exp15", "models"),
    output:
        csv=experiment_table("unir-exp15"),
        html=experiment_table("unir-exp15", "html"),
        markdown=experiment_table("unir-exp15", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp15.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp15"),
        code=code_of("unir_table_exp15"),
    message:
        "Print the table of unir-exp15: what clean images add"
    script:
        "../scripts/unir_table_exp15.py"


rule unir_table_exp16:
    input:
        images=tidy("unir-exp16", "images"),
        models=tidy("unir-exp16", "models"),
    output:
        csv=experiment_table("unir-exp16"),
        html=experiment_table("unir-exp16", "html"),
        markdown=experiment_table("unir-exp16", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp16.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp16"),
        code=code_of("unir_table_exp16"),
    message:
        "Print the table of unir-exp16: reconstructions of other images"
    script:
        "../scripts/unir_table_exp16.py"


rule unir_table_exp17:
    input:
        images=tidy("unir-exp17", "images"),
        models=tidy("unir-exp17", "models"),
    output:
        csv=experiment_table("unir-exp17"),
        html=experiment_table("unir-exp17", "html"),
        markdown=experiment_table("unir-exp17", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp17.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp17"),
        operators=lambda w: unir_operators("unir-exp17"),
        code=code_of("unir_table_exp17"),
    message:
        "Print the table of unir-exp17: a variational generator"
    script:
        "../scripts/unir_table_exp17.py"
