# One job attacks a block of images; the judge writes one row per image.


rule attack_images:
    input:
        data=prepared,
        policy=rules.define_policy.output,
        weights=attacked_weights,
    output:
        rows="results/{run}/{study}/attacks/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.csv",
        arrays="results/{run}/{study}/attacks/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.npz",
        provenance="results/{run}/{study}/attacks/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.json",
    log:
        "logs/{run}/attack_images/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.log",
    benchmark:
        "logs/{run}/attack_images/{study}/{protocol}/{dataset}/{model}/{policy}/{recipe}/seed{seed}/{attack}/{defence}/{block}.tsv"
    wildcard_constraints:
        study="ats",
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(8000),
        runtime=growing(480),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
        lpips_weights=LPIPS_WEIGHTS,
    params:
        # One function for thousands of jobs: each that is asked takes planning time.
        switches=attack_switches,
        lpips=LPIPS_DIGEST,
        code=code_of("attack_images"),
    message:
        "Attack images {wildcards.block} of {wildcards.dataset} on {wildcards.model} under "
        "{wildcards.policy} ({wildcards.attack}, {wildcards.protocol}, seed {wildcards.seed})"
    script:
        "../scripts/attack_images.py"
