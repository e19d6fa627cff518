# Private networks: trained with their adversary, and attacked by attackers who learn first.


rule define_protection:
    output:
        rules.define_policy.output,
    log:
        rules.define_policy.log[0],
    wildcard_constraints:
        model=PRIVATE_MODELS,
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        protection=lambda w: protection(w.policy),
        code=code_of("define_protection", runs_plugins=False),
    message:
        "Define protection {wildcards.policy} for {wildcards.dataset}, {wildcards.model}"
    script:
        "../scripts/define_protection.py"


rule train_private_model:
    input:
        data=prepared,
        policy=rules.define_protection.output,
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
        model=PRIVATE_MODELS,
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(training_memory),
        runtime=growing(minutes(720)),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
    params:
        recipe=recipe_of,
        code=code_of("train_private_model"),
    message:
        "Train {wildcards.model} on {wildcards.dataset} under {wildcards.policy} "
        "({wildcards.recipe}, seed {wildcards.seed})"
    script:
        "../scripts/train_private_model.py"


rule train_attacker:
    input:
        data=prepared,
        weights=rules.train_private_model.output.weights,
        inner=inner_attacker,
    output:
        weights="results/{run}/{study}/attackers/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/weights.safetensors",
        history="results/{run}/{study}/attackers/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/history.csv",
        provenance="results/{run}/{study}/attackers/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/provenance.json",
    log:
        "logs/{run}/train_attacker/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}.log",
    benchmark:
        "logs/{run}/train_attacker/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}.tsv"
    wildcard_constraints:
        study="cvnn",
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(attacker_memory),
        runtime=growing(minutes(720)),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
    params:
        switches=attacker_switches,
        method=method_code,
        code=code_of("train_attacker"),
    message:
        "Train the attacker {wildcards.attack} on {wildcards.policy} of {wildcards.model}, "
        "{wildcards.dataset} ({wildcards.protocol}, seed {wildcards.seed})"
    script:
        "../scripts/train_attacker.py"


rule attack_features:
    input:
        data=prepared,
        weights=rules.train_private_model.output.weights,
        attacker=rules.train_attacker.output.weights,
        inner=inner_attacker,
    output:
        rows=rules.attack_images.output.rows,
        arrays=rules.attack_images.output.arrays,
        provenance=rules.attack_images.output.provenance,
    log:
        "logs/{run}/attack_features/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.log",
    benchmark:
        "logs/{run}/attack_features/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.tsv"
    wildcard_constraints:
        study="cvnn",
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(guess_memory),
        runtime=growing(minutes(120)),
        device=DEVICE,
        chunk=CHUNK,
    params:
        switches=feature_switches,
        method=method_code,
        code=code_of("attack_features"),
    message:
        "Attack the features of images {wildcards.block} under {wildcards.policy} of "
        "{wildcards.model}, {wildcards.dataset} ({wildcards.attack}, seed {wildcards.seed})"
    script:
        "../scripts/attack_features.py"
