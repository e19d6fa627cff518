# The figures of the experiments of unir, one rule each, which draws all its pages.


rule unir_figure_exp01:
    input:
        histories=tidy("unir-exp01", "histories"),
    output:
        svg=unir_figure("unir-exp01", "svg", unir_pages("unir-exp01", "policy"), "exp01"),
        png=unir_figure("unir-exp01", "png", unir_pages("unir-exp01", "policy"), "exp01"),
    log:
        f"logs/{config['run']}/unir_figure_exp01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        pages=unir_pages("unir-exp01", "policy"),
        published=PUBLISHED_DIGEST,
        recipes=lambda w: [
            recipes_on("unir-exp01", page) for page in unir_pages("unir-exp01", "policy")
        ],
        code=code_of("unir_figure_exp01"),
    message:
        "Draw a figure of unir-exp01: losses of the GAN that was run"
    script:
        "../scripts/unir_figure_exp01.py"


rule unir_figure_exp02:
    input:
        arrays=lambda w: [
            unir_samples("unir-exp02", page)
            for page in unir_pages("unir-exp02", "policy", "recipe")
        ],
    output:
        svg=unir_figure("unir-exp02", "svg", unir_pages("unir-exp02", "policy", "recipe"), "exp02"),
        png=unir_figure("unir-exp02", "png", unir_pages("unir-exp02", "policy", "recipe"), "exp02"),
    log:
        f"logs/{config['run']}/unir_figure_exp02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp02", "policy", "recipe"),
        seed=config["seeds"][0],
        code=code_of("unir_figure_exp02"),
    message:
        "Draw a figure of unir-exp02: samples of the GAN that was run"
    script:
        "../scripts/unir_figure_exp02.py"


rule unir_figure_exp03_grid:
    input:
        images=tidy("unir-exp03", "images"),
        arrays=lambda w: unir_pictured("unir-exp03"),
    output:
        svg=unir_figure("unir-exp03", "svg", unir_pages("unir-exp03", "policy"), "exp03-grid"),
        png=unir_figure("unir-exp03", "png", unir_pages("unir-exp03", "policy"), "exp03-grid"),
    log:
        f"logs/{config['run']}/unir_figure_exp03_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp03", "policy"),
        attacks=lambda w: [
            unir_arrays("unir-exp03", page) for page in unir_pages("unir-exp03", "policy")
        ],
        seed=config["seeds"][0],
        positions=experiment("unir-exp03")["pictures"],
        code=code_of("unir_figure_exp03_grid"),
    message:
        "Draw a figure of unir-exp03: reconstructions as the report describes them"
    script:
        "../scripts/unir_figure_exp03_grid.py"


rule unir_figure_exp03_curves:
    input:
        histories=tidy("unir-exp03", "histories"),
    output:
        svg=unir_figure("unir-exp03", "svg", unir_pages("unir-exp03", "policy"), "exp03-curves"),
        png=unir_figure("unir-exp03", "png", unir_pages("unir-exp03", "policy"), "exp03-curves"),
    log:
        f"logs/{config['run']}/unir_figure_exp03_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp03", "policy"),
        recipes=lambda w: [
            recipes_on("unir-exp03", page) for page in unir_pages("unir-exp03", "policy")
        ],
        code=code_of("unir_figure_exp03_curves"),
    message:
        "Draw a figure of unir-exp03: losses of the training that the report describes"
    script:
        "../scripts/unir_figure_exp03_curves.py"


rule unir_figure_exp04:
    input:
        images=tidy("unir-exp04", "images"),
    output:
        svg=unir_figure("unir-exp04", "svg", unir_pages("unir-exp04"), "exp04"),
        png=unir_figure("unir-exp04", "png", unir_pages("unir-exp04"), "exp04"),
    log:
        f"logs/{config['run']}/unir_figure_exp04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp04"),
        code=code_of("unir_figure_exp04"),
    message:
        "Draw a figure of unir-exp04: PSNR of every method on every operator"
    script:
        "../scripts/unir_figure_exp04.py"


rule unir_figure_exp04_grid:
    input:
        images=tidy("unir-exp04", "images"),
        arrays=lambda w: unir_pictured("unir-exp04"),
    output:
        svg=unir_figure("unir-exp04", "svg", unir_pages("unir-exp04", "policy"), "exp04-grid"),
        png=unir_figure("unir-exp04", "png", unir_pages("unir-exp04", "policy"), "exp04-grid"),
    log:
        f"logs/{config['run']}/unir_figure_exp04_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp04", "policy"),
        attacks=lambda w: [
            unir_arrays("unir-exp04", page) for page in unir_pages("unir-exp04", "policy")
        ],
        seed=config["seeds"][0],
        positions=experiment("unir-exp04")["pictures"],
        code=code_of("unir_figure_exp04_grid"),
    message:
        "Draw a figure of unir-exp04: reconstructions by every method"
    script:
        "../scripts/unir_figure_exp04_grid.py"


rule unir_figure_exp05:
    input:
        images=tidy("unir-exp05", "images"),
    output:
        svg=unir_figure("unir-exp05", "svg", unir_pages("unir-exp05"), "exp05"),
        png=unir_figure("unir-exp05", "png", unir_pages("unir-exp05"), "exp05"),
    log:
        f"logs/{config['run']}/unir_figure_exp05.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp05"),
        operators=lambda w: unir_operators("unir-exp05"),
        code=code_of("unir_figure_exp05"),
    message:
        "Draw a figure of unir-exp05: errors against the share that is missing"
    script:
        "../scripts/unir_figure_exp05.py"


rule unir_figure_exp06:
    input:
        images=tidy("unir-exp06", "images"),
    output:
        svg=unir_figure("unir-exp06", "svg", unir_pages("unir-exp06"), "exp06"),
        png=unir_figure("unir-exp06", "png", unir_pages("unir-exp06"), "exp06"),
    log:
        f"logs/{config['run']}/unir_figure_exp06.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp06"),
        recipes=lambda w: settings_on("unir-exp06", unir_pages("unir-exp06")),
        code=code_of("unir_figure_exp06"),
    message:
        "Draw a figure of unir-exp06: errors against the weight of the likelihood"
    script:
        "../scripts/unir_figure_exp06.py"


rule unir_figure_exp08:
    input:
        images=tidy("unir-exp08", "images"),
    output:
        svg=unir_figure("unir-exp08", "svg", unir_pages("unir-exp08"), "exp08"),
        png=unir_figure("unir-exp08", "png", unir_pages("unir-exp08"), "exp08"),
    log:
        f"logs/{config['run']}/unir_figure_exp08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp08"),
        code=code_of("unir_figure_exp08"),
    message:
        "Draw a figure of unir-exp08: what stabilises training"
    script:
        "../scripts/unir_figure_exp08.py"


rule unir_figure_exp08_curves:
    input:
        histories=tidy("unir-exp08", "histories"),
    output:
        svg=unir_figure("unir-exp08", "svg", unir_pages("unir-exp08", "policy"), "exp08-curves"),
        png=unir_figure("unir-exp08", "png", unir_pages("unir-exp08", "policy"), "exp08-curves"),
    log:
        f"logs/{config['run']}/unir_figure_exp08_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp08", "policy"),
        recipes=lambda w: [
            recipes_on("unir-exp08", page) for page in unir_pages("unir-exp08", "policy")
        ],
        code=code_of("unir_figure_exp08_curves"),
    message:
        "Draw a figure of unir-exp08: losses of the game"
    script:
        "../scripts/unir_figure_exp08_curves.py"


rule unir_figure_exp10:
    input:
        samples=tidy("unir-exp10", "samples"),
    output:
        svg=unir_figure("unir-exp10", "svg", unir_pages("unir-exp10"), "exp10"),
        png=unir_figure("unir-exp10", "png", unir_pages("unir-exp10"), "exp10"),
    log:
        f"logs/{config['run']}/unir_figure_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        pages=unir_pages("unir-exp10"),
        published=PUBLISHED_DIGEST,
        operators=lambda w: unir_operators("unir-exp10"),
        code=code_of("unir_figure_exp10"),
    message:
        "Draw a figure of unir-exp10: scores of samples against what is missing"
    script:
        "../scripts/unir_figure_exp10.py"


rule unir_figure_exp11:
    input:
        arrays=lambda w: [
            unir_samples("unir-exp11", page)
            for page in unir_pages("unir-exp11", "policy", "recipe")
        ],
    output:
        svg=unir_figure("unir-exp11", "svg", unir_pages("unir-exp11", "policy", "recipe"), "exp11"),
        png=unir_figure("unir-exp11", "png", unir_pages("unir-exp11", "policy", "recipe"), "exp11"),
    log:
        f"logs/{config['run']}/unir_figure_exp11.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp11", "policy", "recipe"),
        seed=config["seeds"][0],
        code=code_of("unir_figure_exp11"),
    message:
        "Draw a figure of unir-exp11: samples under other measurements"
    script:
        "../scripts/unir_figure_exp11.py"


rule unir_figure_exp13:
    input:
        images=tidy("unir-exp13", "images"),
    output:
        svg=unir_figure("unir-exp13", "svg", unir_pages("unir-exp13", "policy"), "exp13"),
        png=unir_figure("unir-exp13", "png", unir_pages("unir-exp13", "policy"), "exp13"),
    log:
        f"logs/{config['run']}/unir_figure_exp13.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp13", "policy"),
        recipes=lambda w: settings_on("unir-exp13", unir_pages("unir-exp13", "policy")),
        operators=lambda w: unir_operators("unir-exp13"),
        code=code_of("unir_figure_exp13"),
    message:
        "Draw a figure of unir-exp13: errors against the assumed operator"
    script:
        "../scripts/unir_figure_exp13.py"


rule unir_figure_exp14:
    input:
        images=tidy("unir-exp14", "images"),
        models=tidy("unir-exp14", "models"),
    output:
        svg=unir_figure("unir-exp14", "svg", unir_pages("unir-exp14"), "exp14"),
        png=unir_figure("unir-exp14", "png", unir_pages("unir-exp14"), "exp14"),
    log:
        f"logs/{config['run']}/unir_figure_exp14.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages("unir-exp14"),
        recipes=lambda w: [recipes_on("unir-exp14", page) for page in unir_pages("unir-exp14")],
        code=code_of("unir_figure_exp14"),
    message:
        "Draw a figure of unir-exp14: errors against the number of measurements"
    script:
        "../scripts/unir_figure_exp14.py"
