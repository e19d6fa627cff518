# The printed tables of our extensions, and of the numbers of Xiang et al. 2020, one rule each.


rule cvnn_table_ext01:
    input:
        models=tidy("cvnn-ext01", "models"),
    output:
        csv=experiment_table("cvnn-ext01"),
        html=experiment_table("cvnn-ext01", "html"),
        markdown=experiment_table("cvnn-ext01", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext01.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext01"),
    message:
        "Print the table of cvnn-ext01: classification errors of all networks"
    script:
        "../scripts/cvnn_table_ext01.py"


rule cvnn_table_ext02:
    input:
        images=tidy("cvnn-ext02", "images"),
        models=tidy("cvnn-ext02", "models"),
    output:
        csv=experiment_table("cvnn-ext02"),
        html=experiment_table("cvnn-ext02", "html"),
        markdown=experiment_table("cvnn-ext02", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext02.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext02"),
    message:
        "Print the table of cvnn-ext02: reconstruction errors of all networks"
    script:
        "../scripts/cvnn_table_ext02.py"


rule cvnn_table_ext03:
    input:
        images=tidy("cvnn-ext03", "images"),
    output:
        csv=experiment_table("cvnn-ext03"),
        html=experiment_table("cvnn-ext03", "html"),
        markdown=experiment_table("cvnn-ext03", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext03.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext03"),
    message:
        "Print the table of cvnn-ext03: errors of the guessed angle"
    script:
        "../scripts/cvnn_table_ext03.py"


rule cvnn_table_ext04:
    input:
        images=tidy("cvnn-ext04", "images"),
        models=tidy("cvnn-ext04", "models"),
    output:
        csv=experiment_table("cvnn-ext04"),
        html=experiment_table("cvnn-ext04", "html"),
        markdown=experiment_table("cvnn-ext04", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext04.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_ext04"),
    message:
        "Print the table of cvnn-ext04: inference of fine classes"
    script:
        "../scripts/cvnn_table_ext04.py"


rule cvnn_table_ext05:
    input:
        images=tidy("cvnn-ext05", "images"),
        models=tidy("cvnn-ext05", "models"),
    output:
        csv=experiment_table("cvnn-ext05"),
        html=experiment_table("cvnn-ext05", "html"),
        markdown=experiment_table("cvnn-ext05", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext05.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_ext05"),
    message:
        "Print the table of cvnn-ext05: inference of attributes"
    script:
        "../scripts/cvnn_table_ext05.py"


rule cvnn_table_ext08:
    input:
        images=tidy("cvnn-ext08", "images"),
        models=tidy("cvnn-ext08", "models"),
    output:
        csv=experiment_table("cvnn-ext08"),
        html=experiment_table("cvnn-ext08", "html"),
        markdown=experiment_table("cvnn-ext08", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext08.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        weights=lambda w: adversary_weights("cvnn-ext08"),
        code=code_of("cvnn_table_ext08"),
    message:
        "Print the table of cvnn-ext08: errors by k and by the weight of the adversary"
    script:
        "../scripts/cvnn_table_ext08.py"


rule cvnn_table_ext09:
    input:
        images=tidy("cvnn-ext09", "images"),
    output:
        csv=experiment_table("cvnn-ext09"),
        html=experiment_table("cvnn-ext09", "html"),
        markdown=experiment_table("cvnn-ext09", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext09.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext09"),
    message:
        "Print the table of cvnn-ext09: attacks on the angle without learning"
    script:
        "../scripts/cvnn_table_ext09.py"


rule cvnn_table_ext10:
    input:
        images=tidy("cvnn-ext10", "images"),
    output:
        csv=experiment_table("cvnn-ext10"),
        html=experiment_table("cvnn-ext10", "html"),
        markdown=experiment_table("cvnn-ext10", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext10.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_ext10"),
    message:
        "Print the table of cvnn-ext10: attackers who make two guesses"
    script:
        "../scripts/cvnn_table_ext10.py"


rule cvnn_table_ext12:
    input:
        models=tidy("cvnn-ext12", "models"),
    output:
        csv=experiment_table("cvnn-ext12"),
        html=experiment_table("cvnn-ext12", "html"),
        markdown=experiment_table("cvnn-ext12", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext12.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_ext12"),
    message:
        "Print the table of cvnn-ext12: equivariance and gradient paths"
    script:
        "../scripts/cvnn_table_ext12.py"


rule cvnn_table_core:
    input:
        images=tidy("cvnn-core", "images"),
        models=tidy("cvnn-core", "models"),
    output:
        csv=experiment_table("cvnn-core"),
        html=experiment_table("cvnn-core", "html"),
        markdown=experiment_table("cvnn-core", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_core.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("cvnn_table_core"),
    message:
        "Print the table of cvnn-core: what end, adversary and swap contribute"
    script:
        "../scripts/cvnn_table_core.py"


rule cvnn_table_ext13:
    output:
        csv=experiment_table("cvnn-ext13"),
        html=experiment_table("cvnn-ext13", "html"),
        markdown=experiment_table("cvnn-ext13", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext13.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        networks=lambda w: experiment_networks("cvnn-ext13"),
        code=code_of("cvnn_table_ext13"),
    message:
        "Print the table of cvnn-ext13: what the device computes"
    script:
        "../scripts/cvnn_table_ext13.py"


rule cvnn_table_ext06:
    input:
        images=tidy("cvnn-ext06", "images"),
        models=tidy("cvnn-ext06", "models"),
    output:
        csv=experiment_table("cvnn-ext06"),
        html=experiment_table("cvnn-ext06", "html"),
        markdown=experiment_table("cvnn-ext06", "md"),
        errors=tidy("cvnn-ext06", "classification"),
        errors_html=classification_report("cvnn-ext06"),
        errors_markdown=f"results/{config['run']}/cvnn/tables/ext06-classification.md",
    log:
        f"logs/{config['run']}/cvnn_table_ext06.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext06"),
    message:
        "Print the table of cvnn-ext06: VGG-16 on birds"
    script:
        "../scripts/cvnn_table_ext06.py"


rule cvnn_table_ext07:
    input:
        images=tidy("cvnn-ext07", "images"),
        models=tidy("cvnn-ext07", "models"),
    output:
        csv=experiment_table("cvnn-ext07"),
        html=experiment_table("cvnn-ext07", "html"),
        markdown=experiment_table("cvnn-ext07", "md"),
        errors=tidy("cvnn-ext07", "classification"),
        errors_html=classification_report("cvnn-ext07"),
        errors_markdown=f"results/{config['run']}/cvnn/tables/ext07-classification.md",
    log:
        f"logs/{config['run']}/cvnn_table_ext07.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext07"),
    message:
        "Print the table of cvnn-ext07: AlexNet on faces"
    script:
        "../scripts/cvnn_table_ext07.py"


rule cvnn_table_ext11:
    input:
        images=tidy("cvnn-ext11", "images"),
        models=tidy("cvnn-ext11", "models"),
    output:
        csv=experiment_table("cvnn-ext11"),
        html=experiment_table("cvnn-ext11", "html"),
        markdown=experiment_table("cvnn-ext11", "md"),
    log:
        f"logs/{config['run']}/cvnn_table_ext11.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        published=PUBLISHED,
    params:
        published=PUBLISHED_DIGEST,
        code=code_of("cvnn_table_ext11"),
    message:
        "Print the table of cvnn-ext11: published errors in one unit, ours beside them"
    script:
        "../scripts/cvnn_table_ext11.py"
