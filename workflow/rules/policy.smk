# A policy is a file, whether the config names it or a search found it.


rule define_policy:
    input:
        searches_behind,
    output:
        "results/{run}/policies/{dataset}/{model}/{policy}.json",
    log:
        "logs/{run}/define_policy/{dataset}/{model}/{policy}.log",
    wildcard_constraints:
        model=MODELS,
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("define_policy", runs_plugins=False),
    message:
        "Define policy {wildcards.policy} for {wildcards.dataset}, {wildcards.model}"
    script:
        "../scripts/define_policy.py"
