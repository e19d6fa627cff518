# The figures of Drabent et al. 2022 (with the numbers of Gao et al. 2021): one rule each, which draws all its pages.


rule ats_figure_exp01:
    input:
        interpolation=tidy("ats-exp01", "interpolation"),
    output:
        svg=experiment_figure("ats-exp01", "svg"),
        png=experiment_figure("ats-exp01", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp01"),
        code=code_of("ats_figure_exp01"),
    message:
        "Draw the figure of ats-exp01: gradSim on the way from noise to the image"
    script:
        "../scripts/ats_figure_exp01.py"


rule ats_figure_exp02:
    input:
        images=tidy("ats-exp02", "images"),
        arrays=lambda w: experiment_attacks("ats-exp02", "arrays"),
    output:
        svg=experiment_figure("ats-exp02", "svg"),
        png=experiment_figure("ats-exp02", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        pages=figure_pages("ats-exp02"),
        arrays=lambda w: pictured("ats-exp02"),
        seed=config["seeds"][0],
        positions=experiment("ats-exp02")["pictures"],
        code=code_of("ats_figure_exp02"),
    message:
        "Draw the figure of ats-exp02: originals, what victims used, and reconstructions"
    script:
        "../scripts/ats_figure_exp02.py"


rule ats_figure_exp03:
    input:
        images=tidy("ats-exp03", "images"),
    output:
        svg=experiment_figure("ats-exp03", "svg"),
        png=experiment_figure("ats-exp03", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp03"),
        code=code_of("ats_figure_exp03"),
    message:
        "Draw the figure of ats-exp03: pSNR and accuracy under the policies"
    script:
        "../scripts/ats_figure_exp03.py"


rule ats_figure_exp04:
    input:
        table=experiment_table("ats-exp04"),
    output:
        svg=experiment_figure("ats-exp04", "svg"),
        png=experiment_figure("ats-exp04", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp04"),
        code=code_of("ats_figure_exp04"),
    message:
        "Draw the figure of ats-exp04: competing defences of the gradient"
    script:
        "../scripts/ats_figure_exp04.py"


rule ats_figure_exp07:
    input:
        histories=tidy("ats-exp07", "histories"),
    output:
        svg=experiment_figure("ats-exp07", "svg"),
        png=experiment_figure("ats-exp07", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp07.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp07"),
        models=lambda w: drawn_models("ats-exp07"),
        code=code_of("ats_figure_exp07"),
    message:
        "Draw the figure of ats-exp07: training with and without a policy"
    script:
        "../scripts/ats_figure_exp07.py"


rule ats_figure_exp08:
    input:
        arrays=lambda w: experiment_attacks("ats-exp08", "arrays"),
    output:
        svg=experiment_figure("ats-exp08", "svg"),
        png=experiment_figure("ats-exp08", "png"),
        layers=tidy("ats-exp08", "layers"),
    log:
        f"logs/{config['run']}/ats_figure_exp08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp08"),
        arrays=lambda w: traced("ats-exp08"),
        code=code_of("ats_figure_exp08"),
    message:
        "Draw the figure of ats-exp08: how well each layer's gradient is matched"
    script:
        "../scripts/ats_figure_exp08.py"


rule ats_figure_exp09:
    input:
        singles=tidy("ats-exp09", "singles"),
    output:
        svg=experiment_figure("ats-exp09", "svg"),
        png=experiment_figure("ats-exp09", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp09.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp09"),
        code=code_of("ats_figure_exp09"),
    message:
        "Draw the figure of ats-exp09: s_pri of each single transformation"
    script:
        "../scripts/ats_figure_exp09.py"


rule ats_figure_exp10:
    input:
        correlation=tidy("ats-exp10", "correlation"),
        table=experiment_table("ats-exp10"),
    output:
        svg=experiment_figure("ats-exp10", "svg"),
        png=experiment_figure("ats-exp10", "png"),
    log:
        f"logs/{config['run']}/ats_figure_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-exp10"),
        code=code_of("ats_figure_exp10"),
    message:
        "Draw the figure of ats-exp10: s_pri against PSNR over 100 random policies"
    script:
        "../scripts/ats_figure_exp10.py"


rule ats_figure_ext02:
    input:
        singles=tidy("ats-ext02", "singles"),
    output:
        svg=experiment_figure("ats-ext02", "svg"),
        png=experiment_figure("ats-ext02", "png"),
    log:
        f"logs/{config['run']}/ats_figure_ext02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-ext02"),
        code=code_of("ats_figure_ext02"),
    message:
        "Draw the figure of ats-ext02: s_pri of each single transformation on Tiny-ImageNet-200"
    script:
        "../scripts/ats_figure_ext02.py"
