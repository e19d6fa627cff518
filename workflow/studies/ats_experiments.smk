# The experiments of the reports: which files each is made of. Presets in config/experiments say
# what is attacked and scored where; the rules that draw them are in ats_tables.smk and
# ats_figures.smk, and each experiment is a target in ats_targets.smk.


@cache
def experiment(name):
    return settings.resolve_experiment(config, ROOT, name)


@cache
def experiment_pages(name):
    return settings.pages(config, ROOT, name)


@cache
def experiment_cells(name, seed):
    return settings.cells(config, ROOT, name, seed)


def seeds_of(name):
    """Return the seeds of an experiment, once it is known to be done anywhere."""
    if not experiment_pages(name):
        raise WorkflowError(settings.nowhere(config, ROOT, name))
    return config["seeds"]


def experiment_attacks(name, file="rows", keep=lambda cell: True):
    """Return one kind of file of every attack of an experiment."""
    return [
        path
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
        if cell.attack and keep(cell)
        for path in cell_attacks(cell, seed, file)
    ]


def cell_attacks(cell, seed, file):
    """Return one kind of file of the attack of one cell, a file a block."""
    count = indices.size(protocol(cell.protocol)["scene"]["images"])
    return expand(
        getattr(rules.attack_images.output, file),
        run=config["run"],
        study="ats",
        protocol=cell.protocol,
        dataset=cell.page.dataset,
        model=cell.page.model,
        policy=cell.policy,
        recipe=cell.recipe,
        seed=seed,
        attack=cell.attack,
        defence=cell.defence,
        block=block_names(count, ATS["block"]),
    )


def experiment_models(name, file):
    """Return one kind of file of every model of an experiment, attacked or not."""
    return [
        getattr(rules.train_model.output, file).format(
            run=config["run"],
            dataset=cell.page.dataset,
            model=cell.page.model,
            policy=policies.trained_name(cell.policy),
            recipe=cell.recipe,
            seed=seed,
        )
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
    ]


def experiment_searches(name, pattern, **values):
    """Return one kind of file of the searches of an experiment."""
    return [
        path
        for seed in seeds_of(name)
        for page in experiment_pages(name)
        for path in expand(pattern, run=config["run"], seed=seed, **page.names, **values)
    ]


def experiment_lists(name, kind):
    """Return the scores of the lists of an experiment: one row a policy, or one a repeat."""
    chosen = experiment(name)
    return experiment_searches(
        name,
        getattr(rules.score_list.output, kind),
        list=chosen["lists"],
        repeats=chosen["repeats"],
    )


def experiment_traces(name):
    """Return GradSim along the interpolation for the policies of an experiment."""
    return [
        rules.trace_gradsim.output[0].format(
            run=config["run"], seed=seed, policy=cell.policy, **cell.page.names
        )
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
    ]


def experiment_rows(wildcards):
    """Return the files that a tidy table of an experiment is stacked from, each once."""
    make = {
        "models": lambda name: experiment_models(name, "summary"),
        "histories": lambda name: experiment_models(name, "history"),
        "scores": lambda name: experiment_searches(name, rules.select_policies.output.scores),
        "selected": lambda name: experiment_searches(name, rules.select_policies.output.selected),
        "singles": lambda name: experiment_searches(name, rules.score_singles.output[0]),
        "lists": lambda name: experiment_lists(name, "scores"),
        "repeats": lambda name: experiment_lists(name, "repeats"),
        "interpolation": experiment_traces,
    }[wildcards.table]
    return list(dict.fromkeys(make(wildcards.experiment)))


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
        table="models|histories|scores|selected|singles|lists|repeats|interpolation",
    message:
        "Stack the {wildcards.table} of {wildcards.experiment}"


def tidy(name, table):
    """Return the path of a tidy table of an experiment."""
    return f"results/{config['run']}/ats/experiments/{name}/{table}.csv"


def experiment_table(name, suffix="csv"):
    """Return the path of a printed table, the one that the report shows well flagged for it."""
    item = name.removeprefix("ats-")
    path = f"results/{config['run']}/ats/tables/{item}.{suffix}"
    if suffix != "html":
        return path
    return for_report(
        path,
        caption=f"../report/ats_table_{item.replace('-', '_')}.rst",
        category=ATS_CATEGORY,
        subcategory=experiment(name)["title"],
        labels={"experiment": name, "form": "table"},
    )


def experiment_figure(name, suffix, item=None):
    """Return the pages of a figure, in the form that the report shows well flagged for it."""
    item = item or name.removeprefix("ats-")
    paths = [figure_path(item, page, suffix) for page in experiment_pages(name)]
    if suffix != "svg":
        return paths
    return [
        for_report(
            path,
            caption=f"../report/ats_figure_{item.replace('-', '_')}.rst",
            category=ATS_CATEGORY,
            subcategory=experiment(name)["title"],
            labels={"experiment": name, **page.names},
        )
        for path, page in zip(paths, experiment_pages(name))
    ]


def figure_path(item, page, suffix):
    return (
        f"results/{config['run']}/ats/figures/"
        f"{item}_{page.protocol}_{page.dataset}_{page.model}.{suffix}"
    )


def figure_pages(name):
    """Return what a drawing script needs to know of the pages of an experiment."""
    return [{**page.names, "attacked": page.attacked} for page in experiment_pages(name)]


def experiment_judges(name):
    """Return how each protocol of an experiment judges, those of its variants included."""
    return {
        cell.protocol: protocol(cell.protocol)["judge"]
        for seed in config["seeds"][:1]
        for cell in experiment_cells(name, seed)
    }
