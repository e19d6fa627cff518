# What the study unir asks for: the cells of its section and of its experiments, and their pages.

UNIR = config["studies"]["unir"]
# In place of an experiment's name: what the section itself asks for.
SECTION = ""
# Pictures: the report shows them as they are, figures as drawings.
PICTURED_ITEMS = ("grid", "samples")


@cache
def unir_cells(name):
    """Return the cells of an experiment, or of the section; they are the same for every seed."""
    if name == SECTION:
        return settings.study_cells(config, ROOT)
    return experiment_cells(name, config["seeds"][0])


# For the report's front page, which sees the config only.
config["in_force"]["protocols"].update({name: protocol(name) for name in UNIR["protocols"]})
config["in_force"]["recipes"].update(
    {
        f"{cell.recipe} for {cell.page.dataset}, {cell.page.model}": recipe(
            cell.recipe, cell.page.dataset, cell.page.model
        )
        for cell in unir_cells(SECTION)
        if cell.page.model != UNTRAINED
    }
)
config["in_force"]["operators"] = {name: operator(name)["operator"] for name in UNIR["policies"]}
config["in_force"]["reconstructions"] = {name: reconstruction(name) for name in UNIR["attacks"]}


def unir_rows(table):
    """Return the files that a tidy table of this study is stacked from."""
    make = {
        "images": lambda cell, seed: cell_attacks(cell, seed, "rows") if cell.attack else [],
        "models": lambda cell, seed: unir_model(cell, seed, "summary"),
        "histories": lambda cell, seed: unir_model(cell, seed, "history"),
        "samples": lambda cell, seed: [] if cell.attack else [cell_samples(cell, seed, "scores")],
    }[table]
    found = [
        path
        for seed in config["seeds"]
        for cell in unir_cells(SECTION)
        for path in make(cell, seed)
    ]
    return list(dict.fromkeys(found))


def unir_model(cell, seed, file):
    """Return one kind of file of the network of a cell, if it has any."""
    return [] if cell.page.model == UNTRAINED else [cell_model(cell, seed, file)]


STUDY_ROWS["unir"] = unir_rows


def unir_table(table):
    """Return the path of a tidy table of this study."""
    return f"results/{config['run']}/unir/tables/{table}.csv"


def page_of(cell, *more):
    """Return what names a page: protocol, dataset and model, and these of its cell."""
    names = {
        "protocol": cell.protocol,
        "dataset": cell.page.dataset,
        "model": cell.page.model,
    }
    return names | {key: getattr(cell, key) for key in more}


def unir_pages(name, *more):
    """Return the pages of networks of an experiment; ``policy`` and ``recipe`` part them further."""
    found = [page_of(cell, *more) for cell in unir_cells(name) if cell.page.model != UNTRAINED]
    return [page for number, page in enumerate(found) if page not in found[:number]]


def cells_on(name, page):
    """Return the cells of a page, those of methods that train nothing among them."""
    return [
        cell
        for cell in unir_cells(name)
        if page_of(cell, *(key for key in page if key in ("policy", "recipe")))
        in (page, page | {"model": UNTRAINED})
    ]


def recipes_on(name, page):
    """Return the recipes of the networks of a page, each once."""
    cells = [cell for cell in cells_on(name, page) if cell.page.model != UNTRAINED]
    return list(dict.fromkeys(cell.recipe for cell in cells))


def unir_recipes(name):
    """Return the recipes of the networks of an experiment, for its tables."""
    found = {
        (cell.page.dataset, cell.page.model, cell.recipe): None
        for cell in unir_cells(name)
        if cell.page.model != UNTRAINED
    }
    return [
        {
            "dataset": dataset,
            "model": model,
            "recipe": said,
            "settings": recipe(said, dataset, model),
        }
        for dataset, model, said in found
    ]


def settings_on(name, pages):
    """Return the recipes of the networks of each page, by name."""
    return [
        {said: recipe(said, page["dataset"], page["model"]) for said in recipes_on(name, page)}
        for page in pages
    ]


def unir_operators(name):
    """Return all values of the operators of an experiment, by name."""
    return {cell.policy: operator(cell.policy)["operator"] for cell in unir_cells(name)}


def unir_arrays(name, page):
    """Return recipe, reconstruction and pictures of each method on a page, for the first seed."""
    return [
        {
            "recipe": cell.recipe,
            "attack": cell.attack,
            "arrays": cell_attacks(cell, config["seeds"][0], "arrays"),
        }
        for cell in cells_on(name, page)
        if cell.attack
    ]


def unir_samples(name, page):
    """Return the pictures of the generator on a page, for the first seed."""
    (cell,) = (cell for cell in cells_on(name, page) if not cell.attack)
    return cell_samples(cell, config["seeds"][0], "arrays")


def unir_figure(name, suffix, pages, item, title=None):
    """Return the pages of a figure, in the form that the report shows well flagged for it.

    Its files and its caption are called after ``item``.
    """
    folder = f"results/{config['run']}/unir/figures"
    paths = [f"{folder}/{'_'.join([item, *page.values()])}.{suffix}" for page in pages]
    if suffix != ("png" if item.endswith(PICTURED_ITEMS) else "svg"):
        return paths
    experiment_of_it = {"experiment": name} if name else {}
    return [
        for_report(
            path,
            caption=f"../report/unir_figure_{item.replace('-', '_')}.rst",
            category=CATEGORIES["unir"],
            subcategory=title or experiment(name)["title"],
            labels={**experiment_of_it, **page},
        )
        for path, page in zip(paths, pages)
    ]


def unir_pictured(name):
    """Return the pictures of all methods of an experiment, for the first seed."""
    return [
        path
        for page in unir_pages(name, "policy")
        for entry in unir_arrays(name, page)
        for path in entry["arrays"]
    ]


def unir_report_table(suffix, title):
    """Return the path of the main table, flagged for the report."""
    return for_report(
        f"results/{config['run']}/unir/tables/methods.{suffix}",
        caption="../report/unir_table_methods.rst",
        category=CATEGORIES["unir"],
        subcategory="Methods",
        labels={"table": title},
    )
