# What the study ats asks for: its pages (protocol, dataset, model) and the files behind them.

ATS = config["studies"]["ats"]
ATS_CATEGORY = CATEGORIES["ats"]
ATS_PAGES = [
    {
        "protocol": name,
        "dataset": dataset,
        "model": settings.architecture(protocol(name), dataset, model),
    }
    for name in ATS["protocols"]
    for dataset in ATS["datasets"]
    for model in ATS["models"]
]

# For the report's front page, which sees the config only.
config["in_force"] = {
    "protocols": {name: protocol(name) for name in ATS["protocols"]},
    "recipes": {
        f"{name} for {page['dataset']}, {page['model']}": recipe(
            name, page["dataset"], page["model"]
        )
        for page in ATS_PAGES
        for name in protocol(page["protocol"])["recipes"].values()
    },
    "attacks": {name: attack(name) for name in ATS["attacks"]},
}


def ats_policies(seed, protocol, dataset, model):
    """Return the policies to attack, aliases resolved."""
    return settings.policy_names(config, "ats", protocol, dataset, model, int(seed))


def ats_traces(page, seed):
    """Return GradSim along the interpolation for each policy of its own, none first."""
    own = [name for name in ats_policies(seed, **page) if policies.trained_name(name) == name]
    traced = dict.fromkeys(["none", *own])
    return expand(rules.trace_gradsim.output, run=config["run"], **page, seed=seed, policy=traced)


def ats_attacks(page, seed, file="rows", **chosen):
    """Return one kind of file of every attack job of one page and seed, or of the chosen ones."""
    switches = protocol(page["protocol"])
    values = {
        "policy": ats_policies(seed, **page),
        "attack": ATS["attacks"],
        "defence": ATS["defences"],
        **chosen,
    }
    return expand(
        getattr(rules.attack_images.output, file),
        run=config["run"],
        study="ats",
        **page,
        **values,
        recipe=switches["recipes"]["full"],
        seed=seed,
        block=block_names(indices.size(switches["scene"]["images"]), ATS["block"]),
    )


def ats_models(page, seed, file):
    """Return one kind of file of every fully trained model of one page and seed."""
    return expand(
        getattr(rules.train_model.output, file),
        run=config["run"],
        dataset=page["dataset"],
        model=page["model"],
        policy=[policies.trained_name(policy) for policy in ats_policies(seed, **page)],
        recipe=protocol(page["protocol"])["recipes"]["full"],
        seed=seed,
    )


def ats_search(page, seed, pattern):
    """Return one kind of file of the search of one page and seed."""
    return expand(pattern, run=config["run"], **page, seed=seed)


def ats_arrays(page):
    """Return the pictures of each policy of one page: first seed, first attack, no defence."""
    seed = config["seeds"][0]
    chosen = {"attack": ATS["attacks"][0], "defence": ATS["defences"][0]}
    return {
        policy: ats_attacks(page, seed, "arrays", policy=policy, **chosen)
        for policy in ats_policies(seed, **page)
    }


def ats_trained(page):
    """Return the policies that the models of one page were trained with, over all seeds."""
    return sorted(
        {
            policies.trained_name(policy)
            for seed in config["seeds"]
            for policy in ats_policies(seed, **page)
        }
    )


def ats_filter(name):
    """Return whether a protocol's accuracy filter is per image, and its threshold."""
    switches = protocol(name)["search"]["s_acc"]
    per_image = switches["per_image"]
    return per_image, switches["threshold_per_image" if per_image else "threshold"]


def ats_rows(table):
    """Return the files that a tidy table of this study is stacked from."""
    make = {
        "images": lambda page, seed: ats_attacks(page, seed),
        "models": lambda page, seed: ats_models(page, seed, "summary"),
        "histories": lambda page, seed: ats_models(page, seed, "history"),
        "scores": lambda page, seed: ats_search(page, seed, rules.select_policies.output.scores),
        "singles": lambda page, seed: ats_search(page, seed, rules.score_singles.output),
        "interpolation": ats_traces,
    }[table]
    # Protocols share models, so a file may be named more than once.
    paths = [path for page in ATS_PAGES for seed in config["seeds"] for path in make(page, seed)]
    return list(dict.fromkeys(paths))


STUDY_ROWS["ats"] = ats_rows


def ats_table(table):
    """Return the path of a tidy table of this study."""
    return f"results/{config['run']}/ats/tables/{table}.csv"


def ats_figure(item, title, suffix):
    """Return the pages of a figure, in the form that the report shows well flagged for it."""
    paths = [
        f"results/{config['run']}/ats/figures/"
        f"{item}_{page['protocol']}_{page['dataset']}_{page['model']}.{suffix}"
        for page in ATS_PAGES
    ]
    if suffix != ("png" if item == "grid" else "svg"):
        return paths
    return [
        for_report(
            path,
            caption=f"../report/ats_figure_{item}.rst",
            category=ATS_CATEGORY,
            subcategory=title,
            labels=page,
        )
        for path, page in zip(paths, ATS_PAGES)
    ]


def ats_report_table(suffix, title):
    return for_report(
        f"results/{config['run']}/ats/tables/policies.{suffix}",
        caption="../report/ats_table_policies.rst",
        category=ATS_CATEGORY,
        subcategory="Policies",
        labels={"table": title},
    )
