# unir: reconstruction from measurements alone (Pajot et al. 2019 and its replication).
# One rule a figure or table; each draws all its pages in one job.


include: "unir_pages.smk"
include: "unir_report_tables.smk"
include: "unir_our_tables.smk"
include: "unir_figures.smk"
include: "unir_targets.smk"


rule unir_table_methods:
    input:
        images=unir_table("images"),
        models=unir_table("models"),
    output:
        csv=unir_report_table("csv", "every column"),
        html=unir_report_table("html", "for readers"),
        markdown=f"results/{config['run']}/unir/tables/methods.md",
    log:
        f"logs/{config['run']}/unir_table_methods.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        recipes=lambda w: unir_recipes(SECTION),
        code=code_of("unir_table_methods"),
    message:
        "Print what every method makes of every operator's measurements"
    script:
        "../scripts/unir_table_methods.py"


rule unir_figure_grid:
    input:
        images=unir_table("images"),
        arrays=lambda w: unir_pictured(SECTION),
    output:
        svg=unir_figure(SECTION, "svg", unir_pages(SECTION, "policy"), "grid", "Pictures"),
        png=unir_figure(SECTION, "png", unir_pages(SECTION, "policy"), "grid", "Pictures"),
    log:
        f"logs/{config['run']}/unir_figure_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages(SECTION, "policy"),
        attacks=lambda w: [unir_arrays(SECTION, page) for page in unir_pages(SECTION, "policy")],
        seed=config["seeds"][0],
        positions=UNIR["pictures"]["images"],
        code=code_of("unir_figure_grid"),
    message:
        "Draw clean images, measurements and reconstructions"
    script:
        "../scripts/unir_figure_grid.py"


rule unir_figure_curves:
    input:
        histories=unir_table("histories"),
    output:
        svg=unir_figure(SECTION, "svg", unir_pages(SECTION, "policy"), "curves", "Trainings"),
        png=unir_figure(SECTION, "png", unir_pages(SECTION, "policy"), "curves", "Trainings"),
    log:
        f"logs/{config['run']}/unir_figure_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=unir_pages(SECTION, "policy"),
        recipes=lambda w: [recipes_on(SECTION, page) for page in unir_pages(SECTION, "policy")],
        code=code_of("unir_figure_curves"),
    message:
        "Draw losses of D and G"
    script:
        "../scripts/unir_figure_curves.py"


rule unir:
    input:
        [getattr(rules, f"unir_{item}").output for item in UNIR["items"]],
        [inputs_of_target(name) for name in UNIR["experiments"]["targets"]],
        verdict_files("unir")["verdicts"],
    localrule: True
