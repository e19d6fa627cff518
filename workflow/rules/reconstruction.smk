# Reconstructions: generators trained on measurements, and judged on others.


rule define_operator:
    output:
        rules.define_policy.output,
    log:
        rules.define_policy.log[0],
    wildcard_constraints:
        model=f"(?:{GENERATORS})|none",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        operator=lambda w: operator(w.policy),
        code=code_of("define_operator", runs_plugins=False),
    message:
        "Define operator {wildcards.policy} for {wildcards.dataset}, {wildcards.model}"
    script:
        "../scripts/define_operator.py"


rule train_reconstruction:
    input:
        data=prepared,
        policy=rules.define_operator.output,
    output:
        weights=rules.train_model.output.weights,
        history=rules.train_model.output.history,
        summary=rules.train_model.output.summary,
        provenance=rules.train_model.output.provenance,
    log:
        rules.train_model.log[0],
    benchmark:
        rules.train_model.benchmark
    wildcard_constraints:
        model=GENERATORS,
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(training_memory),
        runtime=growing(minutes(720)),
        device=DEVICE,
        state_seconds=STATE_SECONDS,
    params:
        recipe=recipe_of,
        method=restoring_code,
        code=code_of("train_reconstruction"),
    message:
        "Train {wildcards.model} on measurements of {wildcards.dataset} by {wildcards.policy} "
        "({wildcards.recipe}, seed {wildcards.seed})"
    script:
        "../scripts/train_reconstruction.py"


rule reconstruct_images:
    input:
        data=prepared,
        policy=rules.define_operator.output,
        weights=reconstructing_weights,
    output:
        rows=rules.attack_images.output.rows,
        arrays=rules.attack_images.output.arrays,
        provenance=rules.attack_images.output.provenance,
    log:
        "logs/{run}/reconstruct_images/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.log",
    benchmark:
        "logs/{run}/reconstruct_images/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.tsv"
    wildcard_constraints:
        study="unir",
        model=f"{RECONSTRUCTORS}|none",
        defence="none",
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(reconstruction_memory),
        runtime=growing(minutes(240)),
        device=DEVICE,
    params:
        switches=reconstruction_switches,
        method=reconstruction_code,
        code=code_of("reconstruct_images"),
    message:
        "Reconstruct images {wildcards.block} of {wildcards.dataset} measured by "
        "{wildcards.policy} ({wildcards.attack}, {wildcards.model}, {wildcards.recipe}, "
        "seed {wildcards.seed})"
    script:
        "../scripts/reconstruct_images.py"


rule draw_samples:
    input:
        data=prepared,
        policy=rules.define_operator.output,
        weights=rules.train_reconstruction.output.weights,
        classifier=classifier_weights,
    output:
        arrays="results/{run}/{study}/samples/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/samples.npz",
        scores="results/{run}/{study}/samples/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/scores.csv",
        provenance="results/{run}/{study}/samples/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/provenance.json",
    log:
        "logs/{run}/draw_samples/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}.log",
    benchmark:
        "logs/{run}/draw_samples/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}.tsv"
    wildcard_constraints:
        study="unir",
        model=SAMPLERS,
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(training_memory),
        runtime=growing(minutes(120)),
        device=DEVICE,
        inception=INCEPTION_WEIGHTS,
    params:
        switches=sampling_switches,
        inception=INCEPTION_DIGEST,
        code=code_of("draw_samples"),
    message:
        "Draw samples of {wildcards.model}, {wildcards.dataset} under {wildcards.policy} "
        "({wildcards.recipe}, {wildcards.protocol}, seed {wildcards.seed})"
    script:
        "../scripts/draw_samples.py"
