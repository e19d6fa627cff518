# The printed tables of what the papers leave open, of unir, one rule each.


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
