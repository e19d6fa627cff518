# The printed tables of Drabent et al. 2022 (with the numbers of Gao et al. 2021), one rule each.


rule ats_table_exp03:
    input:
        images=tidy("ats-exp03", "images"),
        models=tidy("ats-exp03", "models"),
    output:
        csv=experiment_table("ats-exp03"),
        html=experiment_table("ats-exp03", "html"),
        markdown=experiment_table("ats-exp03", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp03"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp03"),
    message:
        "Print the table of ats-exp03: pSNR and accuracy under the policies"
    script:
        "../scripts/ats_table_exp03.py"


rule ats_table_exp04:
    input:
        images=tidy("ats-exp04", "images"),
        models=tidy("ats-exp04", "models"),
    output:
        csv=experiment_table("ats-exp04"),
        html=experiment_table("ats-exp04", "html"),
        markdown=experiment_table("ats-exp04", "md"),
        pairs=tidy("ats-exp04", "equal-accuracy"),
        pairs_html=for_report(
            f"results/{config['run']}/ats/tables/exp04-equal-accuracy.html",
            caption="../report/ats_table_exp04.rst",
            category=ATS_CATEGORY,
            subcategory=experiment("ats-exp04")["title"],
            labels={"experiment": "ats-exp04", "form": "table of equal accuracy"},
        ),
        pairs_markdown=f"results/{config['run']}/ats/tables/exp04-equal-accuracy.md",
    log:
        f"logs/{config['run']}/ats_table_exp04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp04"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp04"),
    message:
        "Print the table of ats-exp04: competing defences of the gradient"
    script:
        "../scripts/ats_table_exp04.py"


rule ats_table_exp05:
    input:
        images=tidy("ats-exp05", "images"),
        models=tidy("ats-exp05", "models"),
    output:
        csv=experiment_table("ats-exp05"),
        html=experiment_table("ats-exp05", "html"),
        markdown=experiment_table("ats-exp05", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp05.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp05"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp05"),
    message:
        "Print the table of ats-exp05: six attacks, and stronger ones"
    script:
        "../scripts/ats_table_exp05.py"


rule ats_table_exp05b:
    input:
        images=tidy("ats-exp05b", "images"),
        models=tidy("ats-exp05b", "models"),
    output:
        csv=experiment_table("ats-exp05b"),
        html=experiment_table("ats-exp05b", "html"),
        markdown=experiment_table("ats-exp05b", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp05b.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp05b"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp05b"),
    message:
        "Print the table of ats-exp05b: the attack of Geiping et al. without signs"
    script:
        "../scripts/ats_table_exp05b.py"


rule ats_table_exp06:
    input:
        images=tidy("ats-exp06", "images"),
        models=tidy("ats-exp06", "models"),
    output:
        csv=experiment_table("ats-exp06"),
        html=experiment_table("ats-exp06", "html"),
        markdown=experiment_table("ats-exp06", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp06.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp06"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp06"),
    message:
        "Print the table of ats-exp06: the policies of CIFAR-100 on Fashion-MNIST"
    script:
        "../scripts/ats_table_exp06.py"


rule ats_table_exp08:
    input:
        images=tidy("ats-exp08", "images"),
        models=tidy("ats-exp08", "models"),
    output:
        csv=experiment_table("ats-exp08"),
        html=experiment_table("ats-exp08", "html"),
        markdown=experiment_table("ats-exp08", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-exp08"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp08"),
    message:
        "Print the table of ats-exp08: how well each layer's gradient is matched"
    script:
        "../scripts/ats_table_exp08.py"


rule ats_table_exp09:
    input:
        singles=tidy("ats-exp09", "singles"),
    output:
        csv=experiment_table("ats-exp09"),
        html=experiment_table("ats-exp09", "html"),
        markdown=experiment_table("ats-exp09", "md"),
    log:
        f"logs/{config['run']}/ats_table_exp09.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp09"),
    message:
        "Print the table of ats-exp09: s_pri of each single transformation"
    script:
        "../scripts/ats_table_exp09.py"


rule ats_table_exp10:
    input:
        images=tidy("ats-exp10", "images"),
        repeats=tidy("ats-exp10", "repeats"),
    output:
        csv=experiment_table("ats-exp10"),
        html=experiment_table("ats-exp10", "html"),
        markdown=experiment_table("ats-exp10", "md"),
        correlation=tidy("ats-exp10", "correlation"),
    log:
        f"logs/{config['run']}/ats_table_exp10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        scored_by=lambda w: scored_by("ats-exp10"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_exp10"),
    message:
        "Print the table of ats-exp10: s_pri against PSNR over 100 random policies"
    script:
        "../scripts/ats_table_exp10.py"


rule ats_table_ext01:
    input:
        images=tidy("ats-ext01", "images"),
        models=tidy("ats-ext01", "models"),
    output:
        csv=experiment_table("ats-ext01"),
        html=experiment_table("ats-ext01", "html"),
        markdown=experiment_table("ats-ext01", "md"),
    log:
        f"logs/{config['run']}/ats_table_ext01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        judge=lambda w: experiment_judges("ats-ext01"),
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_ext01"),
    message:
        "Print the table of ats-ext01: transfer to Tiny-ImageNet-200"
    script:
        "../scripts/ats_table_ext01.py"


rule ats_table_ext02:
    input:
        singles=tidy("ats-ext02", "singles"),
    output:
        csv=experiment_table("ats-ext02"),
        html=experiment_table("ats-ext02", "html"),
        markdown=experiment_table("ats-ext02", "md"),
    log:
        f"logs/{config['run']}/ats_table_ext02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("ats_table_ext02"),
    message:
        "Print the table of ats-ext02: s_pri of each single transformation on Tiny-ImageNet-200"
    script:
        "../scripts/ats_table_ext02.py"
