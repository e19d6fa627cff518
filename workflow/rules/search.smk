# The policy search of ats: candidates, their two scores on the tiny model, the selection.


rule draw_candidates:
    output:
        "results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/candidates.csv",
    log:
        "logs/{run}/draw_candidates/{protocol}/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        search=search_switches("candidates", "slots", "slot_max"),
        code=code_of("draw_candidates"),
    message:
        "Draw candidate policies for {wildcards.dataset}, {wildcards.model}, seed {wildcards.seed}"
    script:
        "../scripts/draw_candidates.py"


rule score_candidates:
    input:
        candidates=rules.draw_candidates.output,
        data=prepared,
        weights=tiny_weights,
    output:
        "results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/scores-{block}.csv",
    log:
        "logs/{run}/score_candidates/{protocol}/{dataset}/{model}/seed{seed}/{block}.log",
    benchmark:
        "logs/{run}/score_candidates/{protocol}/{dataset}/{model}/seed{seed}/{block}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(8000),
        runtime=growing(120),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
    params:
        search=scoring_switches,
        recipe=search_recipe,
        code=code_of("score_candidates"),
    message:
        "Score candidates {wildcards.block} on {wildcards.dataset}, {wildcards.model}, "
        "seed {wildcards.seed}"
    script:
        "../scripts/score_candidates.py"


rule score_singles:
    input:
        data=prepared,
        weights=tiny_weights,
    output:
        "results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/singles.csv",
    log:
        "logs/{run}/score_singles/{protocol}/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "logs/{run}/score_singles/{protocol}/{dataset}/{model}/seed{seed}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(8000),
        runtime=growing(120),
        device=DEVICE,
        chunk=CHUNK,
        state_seconds=STATE_SECONDS,
    params:
        search=scoring_switches,
        recipe=search_recipe,
        code=code_of("score_singles"),
    message:
        "Score the 50 single transformations on {wildcards.dataset}, {wildcards.model}, "
        "seed {wildcards.seed}"
    script:
        "../scripts/score_singles.py"


rule select_policies:
    input:
        lambda w: expand(
            rules.score_candidates.output, block=candidate_blocks(w), allow_missing=True
        ),
    output:
        scores="results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/scores.csv",
        selected="results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/selected.csv",
        passing="results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/passing.csv",
    log:
        "logs/{run}/select_policies/{protocol}/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        search=search_switches("final", "distinct", "variant", "s_acc"),
        code=code_of("select_policies"),
    message:
        "Select policies for {wildcards.dataset}, {wildcards.model}, seed {wildcards.seed}"
    script:
        "../scripts/select_policies.py"


rule trace_gradsim:
    input:
        data=prepared,
        weights=tiny_weights,
        policy=rules.define_policy.output,
    output:
        "results/{run}/ats/search/{protocol}/{dataset}/{model}/seed{seed}/interpolation/{policy}.csv",
    log:
        "logs/{run}/trace_gradsim/{protocol}/{dataset}/{model}/seed{seed}/{policy}.log",
    benchmark:
        "logs/{run}/trace_gradsim/{protocol}/{dataset}/{model}/seed{seed}/{policy}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: COMPUTE["threads"]
    resources:
        gpu=GPU,
        mem_mb=growing(8000),
        runtime=growing(60),
        device=DEVICE,
        chunk=CHUNK,
    params:
        search=scoring_switches,
        recipe=search_recipe,
        code=code_of("trace_gradsim"),
    message:
        "Follow GradSim along the interpolation under {wildcards.policy} on {wildcards.dataset}, "
        "{wildcards.model}, seed {wildcards.seed}"
    script:
        "../scripts/trace_gradsim.py"
