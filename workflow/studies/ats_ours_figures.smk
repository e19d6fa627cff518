# The figures of the search, of cost, and of ours: one rule each, which draws all its pages.


rule ats_figure_search:
    input:
        scores=tidy("ats-search", "scores"),
        singles=tidy("ats-search", "singles"),
    output:
        svg=experiment_figure("ats-search", "svg"),
        png=experiment_figure("ats-search", "png"),
    log:
        f"logs/{config['run']}/ats_figure_search.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-search"),
        seed=config["seeds"][0],
        final={
            page.protocol: protocol(page.protocol)["search"]["final"]
            for page in experiment_pages("ats-search")
        },
        filters={
            page.protocol: ats_filter(page.protocol) for page in experiment_pages("ats-search")
        },
        code=code_of("ats_figure_search"),
    message:
        "Draw the figure of ats-search: the search, its candidates and what it selects"
    script:
        "../scripts/ats_figure_search.py"


rule ats_figure_cost:
    input:
        costs=experiment_table("ats-cost"),
    output:
        svg=experiment_figure("ats-cost", "svg"),
        png=experiment_figure("ats-cost", "png"),
    log:
        f"logs/{config['run']}/ats_figure_cost.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-cost"),
        code=code_of("ats_figure_cost"),
    message:
        "Draw the figure of ats-cost: what it costs"
    script:
        "../scripts/ats_figure_cost.py"


rule ats_figure_random:
    input:
        images=tidy("ats-random", "images"),
    output:
        svg=experiment_figure("ats-random", "svg"),
        png=experiment_figure("ats-random", "png"),
    log:
        f"logs/{config['run']}/ats_figure_random.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-random"),
        code=code_of("ats_figure_random"),
    message:
        "Draw the figure of ats-random: searched policies among random ones"
    script:
        "../scripts/ats_figure_random.py"


rule ats_figure_early:
    input:
        images=tidy("ats-early", "images"),
    output:
        svg=experiment_figure("ats-early", "svg"),
        png=experiment_figure("ats-early", "png"),
    log:
        f"logs/{config['run']}/ats_figure_early.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-early"),
        code=code_of("ats_figure_early"),
    message:
        "Draw the figure of ats-early: attacks early in training"
    script:
        "../scripts/ats_figure_early.py"


rule ats_figure_draws:
    input:
        images=tidy("ats-draws", "images"),
    output:
        svg=experiment_figure("ats-draws", "svg"),
        png=experiment_figure("ats-draws", "png"),
    log:
        f"logs/{config['run']}/ats_figure_draws.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-draws"),
        code=code_of("ats_figure_draws"),
    message:
        "Draw the figure of ats-draws: several gradients of one image"
    script:
        "../scripts/ats_figure_draws.py"


rule ats_figure_batches:
    input:
        images=tidy("ats-batches", "images"),
    output:
        svg=experiment_figure("ats-batches", "svg"),
        png=experiment_figure("ats-batches", "png"),
    log:
        f"logs/{config['run']}/ats_figure_batches.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-batches"),
        code=code_of("ats_figure_batches"),
    message:
        "Draw the figure of ats-batches: batches of images behind one gradient"
    script:
        "../scripts/ats_figure_batches.py"


rule ats_figure_settings:
    input:
        images=tidy("ats-settings", "images"),
    output:
        svg=experiment_figure("ats-settings", "svg"),
        png=experiment_figure("ats-settings", "png"),
    log:
        f"logs/{config['run']}/ats_figure_settings.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-settings"),
        code=code_of("ats_figure_settings"),
    message:
        "Draw the figure of ats-settings: batch statistics and labels that the attacker does not have"
    script:
        "../scripts/ats_figure_settings.py"


rule ats_figure_leaks:
    input:
        images=tidy("ats-leaks", "images"),
    output:
        svg=experiment_figure("ats-leaks", "svg"),
        png=experiment_figure("ats-leaks", "png"),
    log:
        f"logs/{config['run']}/ats_figure_leaks.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=figure_pages("ats-leaks"),
        code=code_of("ats_figure_leaks"),
    message:
        "Draw the figure of ats-leaks: which images leak"
    script:
        "../scripts/ats_figure_leaks.py"
