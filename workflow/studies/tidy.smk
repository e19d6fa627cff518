# The tidy tables of an experiment, stacked from the rows of its jobs.


use rule collect_images as collect_experiment_images with:
    input:
        lambda w: list(dict.fromkeys(experiment_attacks(w.experiment))),
    output:
        "results/{run}/{study}/experiments/{experiment}/images.csv",
    log:
        "logs/{run}/collect_experiment_images/{study}/{experiment}.log",
    message:
        "Stack the rows of every attacked image of {wildcards.experiment}"


use rule collect_rows as collect_experiment_rows with:
    input:
        experiment_rows,
    output:
        "results/{run}/{study}/experiments/{experiment}/{table}.csv",
    log:
        "logs/{run}/collect_experiment_rows/{study}/{experiment}/{table}.log",
    wildcard_constraints:
        table="models|histories|attackers|samples|scores|selected|singles|lists|repeats|interpolation",
    message:
        "Stack the {wildcards.table} of {wildcards.experiment}"
