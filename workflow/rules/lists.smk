# Lists of policies that experiments score, whatever a search makes of them.


rule score_list:
    input:
        data=prepared,
        weights=tiny_weights,
    output:
        scores="results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/lists/{list}-x{repeats}.csv",
        repeats="results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/lists/{list}-x{repeats}-repeats.csv",
    log:
        "logs/{run}/score_list/{protocol}/{dataset}/{model}/seed{seed}/{list}-x{repeats}.log",
    benchmark:
        "logs/{run}/score_list/{protocol}/{dataset}/{model}/seed{seed}/{list}-x{repeats}.tsv"
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
    params:
        search=scoring_switches,
        drawn=search_switches("slots", "slot_max"),
        recipe=search_recipe,
        code=code_of("score_list"),
    message:
        "Score the list {wildcards.list} on {wildcards.dataset}, {wildcards.model}, "
        "seed {wildcards.seed}"
    script:
        "../scripts/score_list.py"
