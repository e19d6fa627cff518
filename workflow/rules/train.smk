# A model is a fact about data, architecture, policy, recipe and seed, not about who asked for it.


rule train_model:
    input:
        data=prepared,
        policy=rules.define_policy.output,
    output:
        weights="results/{run}/models/{dataset}/{model}/{policy}/{recipe}/seed{seed}/weights.safetensors",
        history="results/{run}/models/{dataset}/{model}/{policy}/{recipe}/seed{seed}/history.csv",
        summary="results/{run}/models/{dataset}/{model}/{policy}/{recipe}/seed{seed}/summary.csv",
        provenance="results/{run}/models/{dataset}/{model}/{policy}/{recipe}/seed{seed}/provenance.json",
    log:
        "logs/{run}/train_model/{dataset}/{model}/{policy}/{recipe}/seed{seed}.log",
    benchmark:
        "logs/{run}/train_model/{dataset}/{model}/{policy}/{recipe}/seed{seed}.tsv"
    wildcard_constraints:
        model=MODELS,
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(8000),
        runtime=growing(720),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
    params:
        recipe=recipe_of,
        code=code_of("train_model"),
    message:
        "Train {wildcards.model} on {wildcards.dataset} under {wildcards.policy} "
        "({wildcards.recipe}, seed {wildcards.seed})"
    script:
        "../scripts/train_model.py"
