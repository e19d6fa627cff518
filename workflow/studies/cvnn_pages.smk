# What the study cvnn asks for: its pages (protocol, dataset, model) and the files behind them.

CVNN = config["studies"]["cvnn"]
CVNN_PAGES = [
    {"protocol": name, "dataset": dataset, "model": model}
    for name in CVNN["protocols"]
    for dataset in CVNN["datasets"]
    for model in CVNN["models"]
]

# For the report's front page, which sees the config only.
config["in_force"]["protocols"].update({name: protocol(name) for name in CVNN["protocols"]})
config["in_force"]["recipes"].update(
    {
        f"{name} for {page['dataset']}, {page['model']}": recipe(
            name, page["dataset"], page["model"]
        )
        for page in CVNN_PAGES
        for name in [protocol(page["protocol"])["recipes"]["full"]]
    }
)
config["in_force"]["protections"] = {
    name: protection(name)["protection"] for name in CVNN["policies"]
}
config["in_force"]["feature_attacks"] = {name: feature_attack(name) for name in CVNN["attacks"]}


def cvnn_models(page, seed, file):
    """Return one kind of file of every model of one page and seed."""
    return expand(
        getattr(rules.train_private_model.output, file),
        run=config["run"],
        dataset=page["dataset"],
        model=page["model"],
        policy=CVNN["policies"],
        recipe=protocol(page["protocol"])["recipes"]["full"],
        seed=seed,
    )


def cvnn_attackers(page, seed, file):
    """Return one kind of file of every attacker of one page and seed."""
    return expand(
        getattr(rules.train_attacker.output, file),
        run=config["run"],
        study="cvnn",
        **page,
        policy=CVNN["policies"],
        recipe=protocol(page["protocol"])["recipes"]["full"],
        seed=seed,
        attack=CVNN["attacks"],
    )


def cvnn_attacks(page, seed, file="rows", **chosen):
    """Return one kind of file of every attack of one page and seed, or of the chosen ones."""
    switches = protocol(page["protocol"])
    values = {"policy": CVNN["policies"], "attack": CVNN["attacks"], **chosen}
    return expand(
        getattr(rules.attack_features.output, file),
        run=config["run"],
        study="cvnn",
        **page,
        **values,
        recipe=switches["recipes"]["full"],
        seed=seed,
        defence="none",
        block=block_names(indices.size(switches["scene"]["images"]), CVNN["block"]),
    )


def cvnn_pictured(page):
    """Return the arrays of each policy and attack of one page, for the first seed."""
    seed = config["seeds"][0]
    return [
        {
            "policy": policy,
            "attack": attack,
            "arrays": cvnn_attacks(page, seed, "arrays", policy=policy, attack=attack),
        }
        for policy in CVNN["policies"]
        for attack in CVNN["attacks"]
    ]


def cvnn_rows(table):
    """Return the files that a tidy table of this study is stacked from."""
    make = {
        "images": cvnn_attacks,
        "models": lambda page, seed: cvnn_models(page, seed, "summary"),
        "histories": lambda page, seed: cvnn_models(page, seed, "history"),
        "attackers": lambda page, seed: cvnn_attackers(page, seed, "history"),
    }[table]
    paths = [path for page in CVNN_PAGES for seed in config["seeds"] for path in make(page, seed)]
    return list(dict.fromkeys(paths))


STUDY_ROWS["cvnn"] = cvnn_rows


def cvnn_table(table):
    """Return the path of a tidy table of this study."""
    return f"results/{config['run']}/cvnn/tables/{table}.csv"


def cvnn_figure(item, title, suffix):
    """Return the pages of a figure, in the form that the report shows well flagged for it."""
    paths = [
        f"results/{config['run']}/cvnn/figures/"
        f"{item}_{page['protocol']}_{page['dataset']}_{page['model']}.{suffix}"
        for page in CVNN_PAGES
    ]
    if suffix != ("png" if item == "grid" else "svg"):
        return paths
    return [
        for_report(
            path,
            caption=f"../report/cvnn_figure_{item}.rst",
            category=CATEGORIES["cvnn"],
            subcategory=title,
            labels=page,
        )
        for path, page in zip(paths, CVNN_PAGES)
    ]


def cvnn_report_table(suffix, title):
    return for_report(
        f"results/{config['run']}/cvnn/tables/protection.{suffix}",
        caption="../report/cvnn_table_protection.rst",
        category=CATEGORIES["cvnn"],
        subcategory="Protections",
        labels={"table": title},
    )


def classification_report(name):
    """Return the table of classification errors that stands beside another one."""
    return for_report(
        f"results/{config['run']}/cvnn/tables/{item_of(name)}-classification.html",
        caption=f"../report/cvnn_table_{item_of(name)}.rst",
        category=CATEGORIES["cvnn"],
        subcategory=experiment(name)["title"],
        labels={"experiment": name, "form": "classification errors"},
    )


def experiment_networks(name):
    """Return the networks of an experiment, each once, whether trained or not."""
    return [
        {
            "protocol": cell.protocol,
            "dataset": page.dataset,
            "model": page.model,
            "policy": cell.policy,
            "protection": protection(cell.policy),
            "recipe": recipe(cell.recipe, page.dataset, page.model),
        }
        for page in experiment_pages(name)
        for cell in cells_of(name, page)
    ]


def adversary_weights(name):
    """Return the weight of the adversarial term in each recipe of an experiment."""
    found = {
        (page.dataset, page.model, cell.recipe): recipe(cell.recipe, page.dataset, page.model)
        for page in experiment_pages(name)
        for cell in cells_of(name, page)
    }
    return [
        {
            "dataset": dataset,
            "model": model,
            "recipe": said,
            "weight": values["adversary"]["weight"],
        }
        for (dataset, model, said), values in found.items()
    ]


def dataset_pages(name):
    """Return the pages of a figure that shows all models of a dataset beside each other."""
    pages = experiment_pages(name)
    return [
        {
            "dataset": dataset,
            "protocol": ", ".join(
                dict.fromkeys(page.protocol for page in pages if page.dataset == dataset)
            ),
        }
        for dataset in dict.fromkeys(page.dataset for page in pages)
    ]


def dataset_figure(name, suffix):
    """Return the pages of such a figure, in the form that the report shows well flagged for it."""
    folder = f"results/{config['run']}/cvnn/figures"
    pages = dataset_pages(name)
    paths = [f"{folder}/{item_of(name)}_{page['dataset']}.{suffix}" for page in pages]
    if suffix != "svg":
        return paths
    return [
        for_report(
            path,
            caption=f"../report/cvnn_figure_{item_of(name)}.rst",
            category=CATEGORIES["cvnn"],
            subcategory=experiment(name)["title"],
            labels={"experiment": name, "dataset": page["dataset"]},
        )
        for path, page in zip(paths, pages)
    ]
