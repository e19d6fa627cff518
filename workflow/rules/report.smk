# Tidy tables: one row per image, model, candidate, epoch or interpolation point.


rule collect_images:
    input:
        lambda w: STUDY_ROWS[w.study]("images"),
    output:
        "results/{run}/{study}/tables/images.csv",
    log:
        "logs/{run}/collect_images/{study}.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        schema=lambda w: images_schema(w.study),
    params:
        code=code_of("collect_images"),
    message:
        "Stack the rows of every attacked image of {wildcards.study}"
    script:
        "../scripts/collect_images.py"


rule collect_rows:
    input:
        lambda w: STUDY_ROWS[w.study](w.table),
    output:
        "results/{run}/{study}/tables/{table}.csv",
    log:
        "logs/{run}/collect_rows/{study}/{table}.log",
    wildcard_constraints:
        table="models|histories|attackers|samples|scores|singles|interpolation",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        code=code_of("collect_rows"),
    message:
        "Stack the {wildcards.table} of {wildcards.study}"
    script:
        "../scripts/collect_rows.py"


# Each study adds a function from the name of a tidy table to the files it is stacked from.
STUDY_ROWS = {}
