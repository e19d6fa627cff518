# The printed tables of the experiments of unir, one rule each.


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


rule unir_table_exp05:
    input:
        images=tidy("unir-exp05", "images"),
        models=tidy("unir-exp05", "models"),
    output:
        csv=experiment_table("unir-exp05"),
        html=experiment_table("unir-exp05", "html"),
        markdown=experiment_table("unir-exp05", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp05.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp05"),
        operators=lambda w: unir_operators("unir-exp05"),
        code=code_of("unir_table_exp05"),
    message:
        "Print the table of unir-exp05: errors by the share that is missing"
    script:
        "../scripts/unir_table_exp05.py"


rule unir_table_exp06:
    input:
        images=tidy("unir-exp06", "images"),
        models=tidy("unir-exp06", "models"),
    output:
        csv=experiment_table("unir-exp06"),
        html=experiment_table("unir-exp06", "html"),
        markdown=experiment_table("unir-exp06", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp06.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp06"),
        operators=lambda w: unir_operators("unir-exp06"),
        code=code_of("unir_table_exp06"),
    message:
        "Print the table of unir-exp06: errors by the weight of the likelihood"
    script:
        "../scripts/unir_table_exp06.py"


rule unir_table_exp07:
    input:
        images=tidy("unir-exp07", "images"),
        models=tidy("unir-exp07", "models"),
    output:
        csv=experiment_table("unir-exp07"),
        html=experiment_table("unir-exp07", "html"),
        markdown=experiment_table("unir-exp07", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp07.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp07"),
        operators=lambda w: unir_operators("unir-exp07"),
        code=code_of("unir_table_exp07"),
    message:
        "Print the table of unir-exp07: what differs between paper and code"
    script:
        "../scripts/unir_table_exp07.py"


rule unir_table_exp08:
    input:
        images=tidy("unir-exp08", "images"),
        models=tidy("unir-exp08", "models"),
    output:
        csv=experiment_table("unir-exp08"),
        html=experiment_table("unir-exp08", "html"),
        markdown=experiment_table("unir-exp08", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp08"),
        operators=lambda w: unir_operators("unir-exp08"),
        code=code_of("unir_table_exp08"),
    message:
        "Print the table of unir-exp08: losses of the game and stabilisers"
    script:
        "../scripts/unir_table_exp08.py"


rule unir_table_exp09:
    input:
        images=tidy("unir-exp09", "images"),
    output:
        csv=experiment_table("unir-exp09"),
        html=experiment_table("unir-exp09", "html"),
        markdown=experiment_table("unir-exp09", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp09.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes("unir-exp09"),
        code=code_of("unir_table_exp09"),
    message:
        "Print the table of unir-exp09: reconstructions without training"
    script:
        "../scripts/unir_table_exp09.py"


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


rule unir_table_exp12:
    input:
        images=tidy("unir-exp12", "images"),
        models=tidy("unir-exp12", "models"),
    output:
        csv=experiment_table("unir-exp12"),
        html=experiment_table("unir-exp12", "html"),
        markdown=experiment_table("unir-exp12", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp12.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp12"),
        operators=lambda w: unir_operators("unir-exp12"),
        code=code_of("unir_table_exp12"),
    message:
        "Print the table of unir-exp12: fixed and fresh corruption"
    script:
        "../scripts/unir_table_exp12.py"


rule unir_table_exp13:
    input:
        images=tidy("unir-exp13", "images"),
        models=tidy("unir-exp13", "models"),
    output:
        csv=experiment_table("unir-exp13"),
        html=experiment_table("unir-exp13", "html"),
        markdown=experiment_table("unir-exp13", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp13.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp13"),
        operators=lambda w: unir_operators("unir-exp13"),
        code=code_of("unir_table_exp13"),
    message:
        "Print the table of unir-exp13: operators that are mistaken"
    script:
        "../scripts/unir_table_exp13.py"


rule unir_table_exp14:
    input:
        images=tidy("unir-exp14", "images"),
        models=tidy("unir-exp14", "models"),
    output:
        csv=experiment_table("unir-exp14"),
        html=experiment_table("unir-exp14", "html"),
        markdown=experiment_table("unir-exp14", "md"),
    log:
        f"logs/{config['run']}/unir_table_exp14.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        recipes=lambda w: unir_recipes("unir-exp14"),
        operators=lambda w: unir_operators("unir-exp14"),
        code=code_of("unir_table_exp14"),
    message:
        "Print the table of unir-exp14: errors by the number of measurements"
    script:
        "../scripts/unir_table_exp14.py"


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
