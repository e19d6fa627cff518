# What the gallery is made of: the attacked images of the studies that have any.

GALLERY = config["gallery"]
PAGE_FILES = sorted(
    path
    for path in (ROOT / "src/reveil/gallery").iterdir()
    if path.suffix in (".html", ".css", ".js")
)


def attacked_table(study):
    return f"results/{config['run']}/{study}/tables/images.csv"


def attacks_images(study):
    """Return whether an item of a study is made of attacked images, so that they exist anyway."""
    items = config["studies"][study]["items"]
    asked = [str(path) for item in items for path in getattr(rules, f"{study}_{item}").input]
    return attacked_table(study) in asked


GALLERY_STUDIES = [study for study in GALLERY["studies"] if attacks_images(study)]


def attacked_arrays(study):
    """Return the pictures of all attacked images of a study: each lies beside its rows."""
    return [path.removesuffix("csv") + "npz" for path in STUDY_ROWS[study]("images")]
