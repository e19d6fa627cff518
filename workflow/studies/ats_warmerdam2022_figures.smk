# The figures of Warmerdam et al. 2022: one rule each, which draws all its pages.


rule ats_figure_w_claim1:
    input:
        correlation=tidy("ats-w-claim1", "correlation"),
        table=experiment_table("ats-w-claim1"),
    output:
        svg=experiment_figure("ats-w-claim1", "svg"),
        png=experiment_figure("ats-w-claim1", "png"),
    log:
        f"logs/{config['run']}/ats_figure_w_claim1.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-claim1"),
        code=code_of("ats_figure_w_claim1"),
    message:
        "Draw the figure of ats-w-claim1: s_pri against PSNR over random policies of its own"
    script:
        "../scripts/ats_figure_w_claim1.py"


rule ats_figure_w_claim2_curves:
    input:
        histories=tidy("ats-w-claim2", "histories"),
    output:
        svg=experiment_figure("ats-w-claim2", "svg", "w-claim2-curves"),
        png=experiment_figure("ats-w-claim2", "png", "w-claim2-curves"),
    log:
        f"logs/{config['run']}/ats_figure_w_claim2_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-claim2"),
        models=lambda w: drawn_models("ats-w-claim2"),
        code=code_of("ats_figure_w_claim2_curves"),
    message:
        "Draw the figure of ats-w-claim2: accuracy and PSNR under the searched policies"
    script:
        "../scripts/ats_figure_w_claim2_curves.py"


rule ats_figure_w_claim2_grid:
    input:
        images=tidy("ats-w-claim2", "images"),
        arrays=lambda w: experiment_attacks("ats-w-claim2", "arrays"),
    output:
        svg=experiment_figure("ats-w-claim2", "svg", "w-claim2-grid"),
        png=experiment_figure("ats-w-claim2", "png", "w-claim2-grid"),
    log:
        f"logs/{config['run']}/ats_figure_w_claim2_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-claim2"),
        arrays=lambda w: pictured("ats-w-claim2"),
        seed=config["seeds"][0],
        positions=experiment("ats-w-claim2")["pictures"],
        code=code_of("ats_figure_w_claim2_grid"),
    message:
        "Draw the figure of ats-w-claim2: accuracy and PSNR under the searched policies"
    script:
        "../scripts/ats_figure_w_claim2_grid.py"


rule ats_figure_w_insight1:
    input:
        images=tidy("ats-w-insight1", "images"),
        table=experiment_table("ats-w-insight1"),
    output:
        svg=experiment_figure("ats-w-insight1", "svg"),
        png=experiment_figure("ats-w-insight1", "png"),
    log:
        f"logs/{config['run']}/ats_figure_w_insight1.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-insight1"),
        code=code_of("ats_figure_w_insight1"),
    message:
        "Draw the figure of ats-w-insight1: an attacker who knows of the translations"
    script:
        "../scripts/ats_figure_w_insight1.py"


rule ats_figure_w_insight1_grid:
    input:
        images=tidy("ats-w-insight1", "images"),
        arrays=lambda w: experiment_attacks("ats-w-insight1", "arrays"),
    output:
        svg=experiment_figure("ats-w-insight1", "svg", "w-insight1-grid"),
        png=experiment_figure("ats-w-insight1", "png", "w-insight1-grid"),
    log:
        f"logs/{config['run']}/ats_figure_w_insight1_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-insight1"),
        arrays=lambda w: pictured("ats-w-insight1"),
        seed=config["seeds"][0],
        positions=experiment("ats-w-insight1")["pictures"],
        code=code_of("ats_figure_w_insight1_grid"),
    message:
        "Draw the figure of ats-w-insight1: an attacker who knows of the translations"
    script:
        "../scripts/ats_figure_w_insight1_grid.py"


rule ats_figure_w_insight2:
    input:
        scores=tidy("ats-w-insight2", "scores"),
        singles=tidy("ats-w-insight2", "singles"),
    output:
        svg=experiment_figure("ats-w-insight2", "svg"),
        png=experiment_figure("ats-w-insight2", "png"),
    log:
        f"logs/{config['run']}/ats_figure_w_insight2.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-w-insight2"),
        code=code_of("ats_figure_w_insight2"),
    message:
        "Draw the figure of ats-w-insight2: random policies against no policy, on both scores"
    script:
        "../scripts/ats_figure_w_insight2.py"


rule ats_figure_w_insight3:
    input:
        singles=tidy("ats-w-insight3", "singles"),
        grouped=tidy("ats-w-insight3", "grouped"),
    output:
        svg=experiment_figure("ats-w-insight3", "svg"),
        png=experiment_figure("ats-w-insight3", "png"),
    log:
        f"logs/{config['run']}/ats_figure_w_insight3.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        pages=figure_pages("ats-w-insight3"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_figure_w_insight3"),
    message:
        "Draw the figure of ats-w-insight3: policies made of the best single transformations"
    script:
        "../scripts/ats_figure_w_insight3.py"
