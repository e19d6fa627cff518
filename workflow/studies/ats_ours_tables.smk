# The printed tables of the search, of cost, and of ours, one rule each.


rule ats_table_search:
    input:
        scores=tidy("ats-search", "scores"),
        selected=tidy("ats-search", "selected"),
        singles=tidy("ats-search", "singles"),
    output:
        csv=experiment_table("ats-search"),
        html=experiment_table("ats-search", "html"),
        markdown=experiment_table("ats-search", "md"),
    log:
        f"logs/{config['run']}/ats_table_search.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        final={
            page.protocol: protocol(page.protocol)["search"]["final"]
            for page in experiment_pages("ats-search")
        },
        filters={
            page.protocol: ats_filter(page.protocol) for page in experiment_pages("ats-search")
        },
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_search"),
    message:
        "Print the table of ats-search: the search, its candidates and what it selects"
    script:
        "../scripts/ats_table_search.py"


rule ats_table_cost:
    input:
        images=tidy("ats-cost", "images"),
        models=tidy("ats-cost", "models"),
        scores=tidy("ats-cost", "scores"),
        benchmarks=lambda w: list(measured_jobs("ats-cost")),
    output:
        csv=experiment_table("ats-cost"),
        html=experiment_table("ats-cost", "html"),
        markdown=experiment_table("ats-cost", "md"),
        hours=tidy("ats-cost", "hours"),
    log:
        f"logs/{config['run']}/ats_table_cost.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        jobs=lambda w: measured_jobs("ats-cost"),
        restarts={name: attack(name)["restarts"] for name in ["inversed"]},
        units=lambda w: experiment_units(),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_cost"),
    message:
        "Print the table of ats-cost: what it costs"
    script:
        "../scripts/ats_table_cost.py"


rule ats_table_random:
    input:
        images=tidy("ats-random", "images"),
        models=tidy("ats-random", "models"),
    output:
        csv=experiment_table("ats-random"),
        html=experiment_table("ats-random", "html"),
        markdown=experiment_table("ats-random", "md"),
    log:
        f"logs/{config['run']}/ats_table_random.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-random"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_random"),
    message:
        "Print the table of ats-random: searched policies among random ones"
    script:
        "../scripts/ats_table_random.py"


rule ats_table_early:
    input:
        images=tidy("ats-early", "images"),
        models=tidy("ats-early", "models"),
    output:
        csv=experiment_table("ats-early"),
        html=experiment_table("ats-early", "html"),
        markdown=experiment_table("ats-early", "md"),
    log:
        f"logs/{config['run']}/ats_table_early.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-early"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_early"),
    message:
        "Print the table of ats-early: attacks early in training"
    script:
        "../scripts/ats_table_early.py"


rule ats_table_draws:
    input:
        images=tidy("ats-draws", "images"),
        models=tidy("ats-draws", "models"),
    output:
        csv=experiment_table("ats-draws"),
        html=experiment_table("ats-draws", "html"),
        markdown=experiment_table("ats-draws", "md"),
    log:
        f"logs/{config['run']}/ats_table_draws.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-draws"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_draws"),
    message:
        "Print the table of ats-draws: several gradients of one image"
    script:
        "../scripts/ats_table_draws.py"


rule ats_table_batches:
    input:
        images=tidy("ats-batches", "images"),
        models=tidy("ats-batches", "models"),
    output:
        csv=experiment_table("ats-batches"),
        html=experiment_table("ats-batches", "html"),
        markdown=experiment_table("ats-batches", "md"),
    log:
        f"logs/{config['run']}/ats_table_batches.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-batches"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_batches"),
    message:
        "Print the table of ats-batches: batches of images behind one gradient"
    script:
        "../scripts/ats_table_batches.py"


rule ats_table_settings:
    input:
        images=tidy("ats-settings", "images"),
        models=tidy("ats-settings", "models"),
    output:
        csv=experiment_table("ats-settings"),
        html=experiment_table("ats-settings", "html"),
        markdown=experiment_table("ats-settings", "md"),
    log:
        f"logs/{config['run']}/ats_table_settings.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-settings"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_settings"),
    message:
        "Print the table of ats-settings: batch statistics and labels that the attacker does not have"
    script:
        "../scripts/ats_table_settings.py"


rule ats_table_leaks:
    input:
        images=tidy("ats-leaks", "images"),
    output:
        csv=experiment_table("ats-leaks"),
        html=experiment_table("ats-leaks", "html"),
        markdown=experiment_table("ats-leaks", "md"),
    log:
        f"logs/{config['run']}/ats_table_leaks.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_leaks"),
    message:
        "Print the table of ats-leaks: which images leak"
    script:
        "../scripts/ats_table_leaks.py"
