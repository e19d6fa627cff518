# The figures of cvnn, one rule each, which draws all its pages.


rule cvnn_figure_exp07:
    input:
        attackers=tidy("cvnn-exp07", "attackers"),
    output:
        svg=experiment_figure("cvnn-exp07", "svg"),
        png=experiment_figure("cvnn-exp07", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_exp07.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-exp07"),
        code=code_of("cvnn_figure_exp07"),
    message:
        "Draw the figure of cvnn-exp07: the attackers' training"
    script:
        "../scripts/cvnn_figure_exp07.py"


rule cvnn_figure_exp10:
    input:
        histories=tidy("cvnn-exp10", "histories"),
    output:
        svg=experiment_figure("cvnn-exp10", "svg"),
        png=experiment_figure("cvnn-exp10", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-exp10"),
        models=lambda w: drawn_models("cvnn-exp10"),
        code=code_of("cvnn_figure_exp10"),
    message:
        "Draw the figure of cvnn-exp10: encoder and critic in the course of training"
    script:
        "../scripts/cvnn_figure_exp10.py"


rule cvnn_figure_ext03:
    input:
        images=tidy("cvnn-ext03", "images"),
    output:
        svg=experiment_figure("cvnn-ext03", "svg"),
        png=experiment_figure("cvnn-ext03", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_ext03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-ext03"),
        code=code_of("cvnn_figure_ext03"),
    message:
        "Draw the figure of cvnn-ext03: errors of the guessed angle"
    script:
        "../scripts/cvnn_figure_ext03.py"


rule cvnn_figure_core:
    input:
        images=tidy("cvnn-core", "images"),
    output:
        svg=experiment_figure("cvnn-core", "svg"),
        png=experiment_figure("cvnn-core", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_core.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-core"),
        code=code_of("cvnn_figure_core"),
    message:
        "Draw the figure of cvnn-core: what end, adversary and swap contribute"
    script:
        "../scripts/cvnn_figure_core.py"


rule cvnn_figure_exp05:
    input:
        images=tidy("cvnn-exp05", "images"),
        arrays=lambda w: experiment_attacks("cvnn-exp05", "arrays"),
    output:
        svg=experiment_figure("cvnn-exp05", "svg"),
        png=experiment_figure("cvnn-exp05", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_exp05.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-exp05"),
        attacks=lambda w: pictured("cvnn-exp05"),
        seed=config["seeds"][0],
        positions=experiment("cvnn-exp05")["pictures"],
        code=code_of("cvnn_figure_exp05"),
    message:
        "Draw the figure of cvnn-exp05: reconstructions"
    script:
        "../scripts/cvnn_figure_exp05.py"


rule cvnn_figure_exp06:
    input:
        images=tidy("cvnn-exp06", "images"),
        arrays=lambda w: experiment_attacks("cvnn-exp06", "arrays"),
    output:
        svg=experiment_figure("cvnn-exp06", "svg"),
        png=experiment_figure("cvnn-exp06", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_exp06.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-exp06"),
        attacks=lambda w: pictured("cvnn-exp06"),
        seed=config["seeds"][0],
        positions=experiment("cvnn-exp06")["pictures"],
        code=code_of("cvnn_figure_exp06"),
    message:
        "Draw the figure of cvnn-exp06: reconstructions"
    script:
        "../scripts/cvnn_figure_exp06.py"


rule cvnn_figure_exp11:
    input:
        table=experiment_table("cvnn-exp11"),
    output:
        svg=dataset_figure("cvnn-exp11", "svg"),
        png=dataset_figure("cvnn-exp11", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_exp11.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=dataset_pages("cvnn-exp11"),
        code=code_of("cvnn_figure_exp11"),
    message:
        "Draw the figure of cvnn-exp11: who computes how much"
    script:
        "../scripts/cvnn_figure_exp11.py"


rule cvnn_figure_ext08:
    input:
        images=tidy("cvnn-ext08", "images"),
        models=tidy("cvnn-ext08", "models"),
    output:
        svg=experiment_figure("cvnn-ext08", "svg"),
        png=experiment_figure("cvnn-ext08", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_ext08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("cvnn-ext08"),
        weights=lambda w: adversary_weights("cvnn-ext08"),
        code=code_of("cvnn_figure_ext08"),
    message:
        "Draw the figure of cvnn-ext08: errors by k and by the weight of the adversary"
    script:
        "../scripts/cvnn_figure_ext08.py"
