# The experiments of the reports: which files each is made of. Presets in config/experiments say
# what is attacked and scored where; the rules that draw them lie in files of their study, and each
# experiment is a target in {study}_targets.smk.

# Snakemake takes a line that begins with `report` for its directive of that name.
for_report = report
CATEGORIES = {
    "ats": "Transformation search (ats)",
    "cvnn": "Complex-valued networks (cvnn)",
    "unir": "Reconstruction from measurements (unir)",
}
# What trains the networks of a study, and what attacks them.
TRAINING = {
    "ats": rules.train_model,
    "cvnn": rules.train_private_model,
    "unir": rules.train_reconstruction,
}
ATTACKING = {
    "ats": rules.attack_images,
    "cvnn": rules.attack_features,
    "unir": rules.reconstruct_images,
}
study_of = settings.study_of

PUBLISHED = str(ROOT / "config" / "published.csv")
PUBLISHED_DIGEST = file_digest(PUBLISHED)


@cache
def experiment(name):
    return settings.resolve_experiment(config, ROOT, name)


@cache
def experiment_pages(name):
    return settings.pages(config, ROOT, name)


@cache
def experiment_cells(name, seed):
    return settings.cells(config, ROOT, name, seed)


@cache
def seeds_of(name):
    """Return the seeds of an experiment, once it is known that it can be done."""
    try:
        settings.require_experiment(config, ROOT, name)
    except ReveilError as error:
        raise WorkflowError(str(error)) from None
    return config["seeds"]


def pattern_of(rule, file):
    """Return the pattern of a rule's output of this name, or of Snakemake's measurement of it."""
    return str(rule.benchmark if file == "measured" else getattr(rule.output, file))


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
    study = study_of_model(cell.page.model)
    return expand(
        pattern_of(ATTACKING[study], file),
        run=config["run"],
        study=study,
        protocol=cell.protocol,
        dataset=cell.page.dataset,
        model=cell.page.model,
        policy=cell.policy,
        recipe=cell.recipe,
        seed=seed,
        attack=cell.attack,
        defence=cell.defence,
        block=block_names(count, config["studies"][study]["block"]),
    )


def study_of_model(model):
    """Return the study that has networks of this name."""
    if private_names.is_private(model):
        return "cvnn"
    if model == UNTRAINED or generator_names.is_reconstructor(model):
        return "unir"
    return "ats"


def trained_policy(cell):
    """Return the policy of the model behind a cell."""
    plain = study_of_model(cell.page.model) == "ats"
    return policies.trained_name(cell.policy) if plain else cell.policy


def cell_model(cell, seed, file):
    """Return one kind of file of the model behind one cell."""
    return pattern_of(TRAINING[study_of_model(cell.page.model)], file).format(
        run=config["run"],
        dataset=cell.page.dataset,
        model=cell.page.model,
        policy=trained_policy(cell),
        recipe=cell.recipe,
        seed=seed,
    )


def experiment_models(name, file):
    """Return one kind of file of every model of an experiment, attacked or not."""
    return [
        cell_model(cell, seed, file)
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
        if cell.page.model != UNTRAINED
    ]


def cell_samples(cell, seed, file):
    """Return one kind of file of the samples of one cell's generator."""
    return pattern_of(rules.draw_samples, file).format(
        run=config["run"],
        study="unir",
        protocol=cell.protocol,
        dataset=cell.page.dataset,
        model=cell.page.model,
        policy=cell.policy,
        recipe=cell.recipe,
        seed=seed,
    )


def experiment_samples(name, file):
    """Return one kind of file of the samples of every generator of an experiment."""
    return [
        cell_samples(cell, seed, file)
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
        if not cell.attack
    ]


def experiment_attackers(name, file):
    """Return one kind of file of every attacker of an experiment who learns first."""
    return [
        pattern_of(rules.train_attacker, file).format(
            run=config["run"],
            study=study_of(name),
            protocol=cell.protocol,
            dataset=cell.page.dataset,
            model=cell.page.model,
            policy=cell.policy,
            recipe=cell.recipe,
            seed=seed,
            attack=cell.attack,
        )
        for seed in seeds_of(name)
        for cell in experiment_cells(name, seed)
        if cell.attack
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
        "attackers": lambda name: experiment_attackers(name, "history"),
        "samples": lambda name: experiment_samples(name, "scores"),
        "scores": lambda name: experiment_searches(name, rules.select_policies.output.scores),
        "selected": lambda name: experiment_searches(name, rules.select_policies.output.selected),
        "singles": lambda name: experiment_searches(name, rules.score_singles.output[0]),
        "lists": lambda name: experiment_lists(name, "scores"),
        "repeats": lambda name: experiment_lists(name, "repeats"),
        "interpolation": experiment_traces,
    }[wildcards.table]
    return list(dict.fromkeys(make(wildcards.experiment)))


def tidy(name, table):
    """Return the path of a tidy table of an experiment."""
    return f"results/{config['run']}/{study_of(name)}/experiments/{name}/{table}.csv"


def item_of(name):
    """Return what the files of an experiment are called in its study's folder."""
    return name.removeprefix(f"{study_of(name)}-")


def experiment_table(name, suffix="csv", item=None):
    """Return the path of a printed table, the one that the report shows well flagged for it."""
    item, study = item or item_of(name), study_of(name)
    path = f"results/{config['run']}/{study}/tables/{item}.{suffix}"
    if suffix != "html":
        return path
    return for_report(
        path,
        caption=f"../report/{study}_table_{item.replace('-', '_')}.rst",
        category=CATEGORIES[study],
        subcategory=experiment(name)["title"],
        labels={"experiment": name, "form": "table"},
    )


def experiment_figure(name, suffix, item=None):
    """Return the pages of a figure, in the form that the report shows well flagged for it."""
    item, study = item or item_of(name), study_of(name)
    paths = [figure_path(study, item, page, suffix) for page in experiment_pages(name)]
    if suffix != "svg":
        return paths
    return [
        for_report(
            path,
            caption=f"../report/{study}_figure_{item.replace('-', '_')}.rst",
            category=CATEGORIES[study],
            subcategory=experiment(name)["title"],
            labels={"experiment": name, **page.names},
        )
        for path, page in zip(paths, experiment_pages(name))
    ]


def figure_path(study, item, page, suffix):
    return (
        f"results/{config['run']}/{study}/figures/"
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


def cells_of(name, page):
    """Return the cells of one page for the first seed, which pictures and curves are made of."""
    return [c for c in experiment_cells(name, config["seeds"][0]) if c.page == page]


def pictured(name):
    """Return, for each page, the arrays of each policy and attack without a defence."""
    return [
        [
            {
                "policy": cell.policy,
                "attack": cell.attack,
                "arrays": cell_attacks(cell, config["seeds"][0], "arrays"),
            }
            for cell in cells_of(name, page)
            if cell.attack and cell.defence == "none"
        ]
        for page in experiment_pages(name)
    ]


def traced(name):
    """Return, for each page, the arrays of each policy and seed."""
    return [
        [
            {"policy": cell.policy, "seed": seed, "arrays": cell_attacks(cell, seed, "arrays")}
            for seed in seeds_of(name)
            for cell in experiment_cells(name, seed)
            if cell.page == page
        ]
        for page in experiment_pages(name)
    ]


def drawn_models(name):
    """Return, for each page, the policy and the recipe of each of its models."""
    return [
        list(dict.fromkeys((trained_policy(cell), cell.recipe) for cell in cells_of(name, page)))
        for page in experiment_pages(name)
    ]


def measured_jobs(name):
    """Return Snakemake's measurements of the trainings and attacks of an experiment, by path."""
    return {
        **{path: {"rule": "train_model"} for path in experiment_models(name, "measured")},
        **{path: {"rule": "attack_images"} for path in experiment_attacks(name, "measured")},
    }


def experiment_units():
    """Return the work of every experiment of ats that can be done here, for predictions."""
    return [
        row
        for name in settings.experiment_names(config, ROOT)
        if study_of(name) == "ats" and experiment_pages(name)
        for row in units_of(name)
    ]


def units_of(name):
    """Return the work of an experiment, and how many images an epoch of its trainings has."""
    work = settings.workload(config, ROOT, name)
    return [
        {
            "experiment": name,
            "dataset": dataset,
            "model": model,
            "stage": stage,
            "of": of,
            "units": count,
            "images": work.epoch_images[dataset, model, of] if stage == "training" else None,
        }
        for (dataset, model, stage, of), count in work.units.items()
    ]


def scored_by(name):
    """Return the protocol that scored the policies of each protocol that attacked them."""
    return {page.attacked: page.protocol for page in experiment_pages(name)}


def target(name, *drawn):
    """Return the inputs of an experiment's target: what is drawn, if it is done anywhere."""

    def files(wildcards):
        seeds_of(name)
        return [path for item in drawn for path in item]

    return files


def inputs_of_target(name):
    """Return what the target of an experiment asks for."""
    drawn_by = name.replace("-", "_")
    if not workflow.is_rule(drawn_by):
        raise WorkflowError(
            f"studies.{study_of(name)}.experiments.targets: {name!r} cannot be drawn, as there is no rule {drawn_by}; "
            f"its tidy tables can be asked for by their paths, such as {tidy(name, 'images')}"
        )
    return getattr(rules, drawn_by).input
