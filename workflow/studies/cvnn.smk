# cvnn: complex-valued networks that hide features (Xiang et al. 2020 and its replication).
# One rule a figure or table; each draws all its pages (protocol, dataset, model) in one job.


include: "cvnn_pages.smk"
include: "cvnn_report_tables.smk"
include: "cvnn_our_tables.smk"
include: "cvnn_figures.smk"
include: "cvnn_targets.smk"


rule cvnn_table_protection:
    input:
        images=cvnn_table("images"),
        models=cvnn_table("models"),
    output:
        csv=cvnn_report_table("csv", "every column"),
        html=cvnn_report_table("html", "as the papers print it"),
        markdown=f"results/{config['run']}/cvnn/tables/protection.md",
    log:
        f"logs/{config['run']}/cvnn_table_protection.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_protection"),
    message:
        "Print the errors of the attacks on every protection beside the published ones"
    script:
        "../scripts/cvnn_table_protection.py"


rule cvnn_figure_errors:
    input:
        images=cvnn_table("images"),
    output:
        svg=cvnn_figure("errors", "Errors", "svg"),
        png=cvnn_figure("errors", "Errors", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_errors.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=CVNN_PAGES,
        code=code_of("cvnn_figure_errors"),
    message:
        "Draw the errors of the attacks beside what needs no attack"
    script:
        "../scripts/cvnn_figure_errors.py"


rule cvnn_figure_grid:
    input:
        images=cvnn_table("images"),
        arrays=[
            path
            for page in CVNN_PAGES
            for entry in cvnn_pictured(page)
            for path in entry["arrays"]
        ],
    output:
        svg=cvnn_figure("grid", "Pictures", "svg"),
        png=cvnn_figure("grid", "Pictures", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=CVNN_PAGES,
        attacks=[cvnn_pictured(page) for page in CVNN_PAGES],
        seed=config["seeds"][0],
        positions=CVNN["pictures"]["images"],
        code=code_of("cvnn_figure_grid"),
    message:
        "Draw images, their partners and reconstructions"
    script:
        "../scripts/cvnn_figure_grid.py"


rule cvnn_figure_curves:
    input:
        attackers=cvnn_table("attackers"),
    output:
        svg=cvnn_figure("curves", "Attackers", "svg"),
        png=cvnn_figure("curves", "Attackers", "png"),
    log:
        f"logs/{config['run']}/cvnn_figure_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=CVNN_PAGES,
        code=code_of("cvnn_figure_curves"),
    message:
        "Draw the attackers' training curves"
    script:
        "../scripts/cvnn_figure_curves.py"


rule cvnn:
    input:
        [getattr(rules, f"cvnn_{item}").output for item in CVNN["items"]],
        [inputs_of_target(name) for name in CVNN["experiments"]["targets"]],
        verdict_files("cvnn")["verdicts"],
    localrule: True
