# Archives, verified wherever they come from, and the arrays made of them.


rule fetch_dataset:
    output:
        "resources/downloads/{dataset}/{archive}",
    log:
        "logs/fetch_dataset/{dataset}/{archive}.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    resources:
        # Where else to look changes nothing about a file whose checksum is known.
        registry=str(ROOT / config["datasets"]["registry"]),
        root=str(ROOT),
        local_folders="\n".join(config["datasets"]["local_folders"]),
    message:
        "Fetch {wildcards.archive} of {wildcards.dataset}"
    script:
        "../scripts/fetch_dataset.py"


rule prepare_dataset:
    input:
        lambda w: [
            f"resources/downloads/{DATASETS[w.dataset].home}/{archive}"
            for archive in DATASETS[w.dataset].archives
        ],
    output:
        unpacked(),
    log:
        "logs/prepare_dataset/{dataset}.log",
    benchmark:
        "logs/prepare_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=with_arrays(),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=code_of("prepare_dataset"),
    message:
        "Unpack {wildcards.dataset} into arrays"
    script:
        "../scripts/prepare_dataset.py"


use rule prepare_dataset as prepare_coarse_dataset with:
    output:
        unpacked("fine.npy"),
    wildcard_constraints:
        dataset=with_arrays("fine.npy"),


use rule prepare_dataset as prepare_faces with:
    output:
        unpacked("attributes.npy", "identity.npy"),
    wildcard_constraints:
        dataset=with_arrays("attributes.npy", "identity.npy"),
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),


rule prepare_plugin:
    output:
        unpacked(),
    log:
        "logs/prepare_plugin/{dataset}.log",
    benchmark:
        "logs/prepare_plugin/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plugins.names(plugins.DATASET)),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        facts=lambda w: dict(plugins.find(plugins.DATASET, w.dataset).facts),
        code=code_of("prepare_plugin"),
    message:
        "Make arrays of what a plug-in gives as {wildcards.dataset}"
    script:
        "../scripts/prepare_plugin.py"


rule prepare_folder:
    output:
        unpacked(),
    log:
        "logs/prepare_folder/{dataset}.log",
    benchmark:
        "logs/prepare_folder/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(name for name in DATASETS if DATASETS[name].folder),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        # Where the folder lies changes nothing about the images in it.
        folder=lambda w: datasets.to_facts(DATASETS[w.dataset]) | {"path": ""},
        code=code_of("prepare_folder"),
    message:
        "Make arrays of the images of {wildcards.dataset}"
    script:
        "../scripts/prepare_folder.py"
