# ats: transformation policies that defend shared gradients (Gao et al. 2021 and its replications).
# One rule a figure or table; each draws all its pages (protocol, dataset, model) in one job.


include: "ats_pages.smk"
include: "ats_drabent2022_tables.smk"
include: "ats_warmerdam2022_tables.smk"
include: "ats_ours_tables.smk"
include: "ats_drabent2022_figures.smk"
include: "ats_warmerdam2022_figures.smk"
include: "ats_ours_figures.smk"
include: "ats_targets.smk"


rule ats_table_policies:
    input:
        images=ats_table("images"),
        models=ats_table("models"),
    output:
        csv=ats_report_table("csv", "every column"),
        html=ats_report_table("html", "as the papers print it"),
        markdown=f"results/{config['run']}/ats/tables/policies.md",
    log:
        f"logs/{config['run']}/ats_table_policies.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=str(ROOT / "config/published.csv"),
    params:
        judge={name: protocol(name)["judge"] for name in ATS["protocols"]},
        published=file_digest(ROOT / "config/published.csv"),
        code=code_of("ats_table_policies"),
    message:
        "Print the policy table beside the published one"
    script:
        "../scripts/ats_table_policies.py"


rule ats_table_singles:
    input:
        singles=ats_table("singles"),
    output:
        csv=for_report(
            f"results/{config['run']}/ats/tables/ranking.csv",
            caption="../report/ats_table_singles.rst",
            category=ATS_CATEGORY,
            subcategory="Single transformations",
            labels={"table": "ranking"},
        ),
        markdown=f"results/{config['run']}/ats/tables/ranking.md",
    log:
        f"logs/{config['run']}/ats_table_singles.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("ats_table_singles"),
    message:
        "Rank the 50 single transformations"
    script:
        "../scripts/ats_table_singles.py"


rule ats_figure_grid:
    input:
        images=ats_table("images"),
        arrays=[path for page in ATS_PAGES for paths in ats_arrays(page).values() for path in paths],
    output:
        svg=ats_figure("grid", "Pictures", "svg"),
        png=ats_figure("grid", "Pictures", "png"),
    log:
        f"logs/{config['run']}/ats_figure_grid.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        arrays=[ats_arrays(page) for page in ATS_PAGES],
        seed=config["seeds"][0],
        attack=ATS["attacks"][0],
        positions=ATS["pictures"]["images"],
        code=code_of("ats_figure_grid"),
    message:
        "Draw originals, transformed images and reconstructions"
    script:
        "../scripts/ats_figure_grid.py"


rule ats_figure_gradsim:
    input:
        interpolation=ats_table("interpolation"),
    output:
        svg=ats_figure("gradsim", "GradSim", "svg"),
        png=ats_figure("gradsim", "GradSim", "png"),
    log:
        f"logs/{config['run']}/ats_figure_gradsim.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        code=code_of("ats_figure_gradsim"),
    message:
        "Draw GradSim along the interpolation"
    script:
        "../scripts/ats_figure_gradsim.py"


rule ats_figure_singles:
    input:
        singles=ats_table("singles"),
    output:
        svg=ats_figure("singles", "Single transformations", "svg"),
        png=ats_figure("singles", "Single transformations", "png"),
    log:
        f"logs/{config['run']}/ats_figure_singles.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        code=code_of("ats_figure_singles"),
    message:
        "Draw the scores of the 50 single transformations"
    script:
        "../scripts/ats_figure_singles.py"


rule ats_figure_candidates:
    input:
        scores=ats_table("scores"),
        singles=ats_table("singles"),
    output:
        svg=ats_figure("candidates", "Search", "svg"),
        png=ats_figure("candidates", "Search", "png"),
    log:
        f"logs/{config['run']}/ats_figure_candidates.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        seed=config["seeds"][0],
        final={name: protocol(name)["search"]["final"] for name in ATS["protocols"]},
        filters={name: ats_filter(name) for name in ATS["protocols"]},
        code=code_of("ats_figure_candidates"),
    message:
        "Draw the candidates in the plane of the two scores"
    script:
        "../scripts/ats_figure_candidates.py"


rule ats_figure_psnr:
    input:
        images=ats_table("images"),
    output:
        svg=ats_figure("psnr", "PSNR", "svg"),
        png=ats_figure("psnr", "PSNR", "png"),
    log:
        f"logs/{config['run']}/ats_figure_psnr.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        attack=ATS["attacks"][0],
        code=code_of("ats_figure_psnr"),
    message:
        "Draw PSNR per policy with its floors"
    script:
        "../scripts/ats_figure_psnr.py"


rule ats_figure_curves:
    input:
        histories=ats_table("histories"),
    output:
        svg=ats_figure("curves", "Training", "svg"),
        png=ats_figure("curves", "Training", "png"),
    log:
        f"logs/{config['run']}/ats_figure_curves.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        pages=ATS_PAGES,
        recipes=[protocol(page["protocol"])["recipes"]["full"] for page in ATS_PAGES],
        policies=[ats_trained(page) for page in ATS_PAGES],
        code=code_of("ats_figure_curves"),
    message:
        "Draw the training curves"
    script:
        "../scripts/ats_figure_curves.py"


rule ats:
    input:
        [getattr(rules, f"ats_{item}").output for item in ATS["items"]],
        [inputs_of_target(name) for name in ATS["experiments"]["targets"]],
        verdict_files("ats")["verdicts"],
    localrule: True
