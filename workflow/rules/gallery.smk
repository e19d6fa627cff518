# One page to look at the attacked images of all studies.

from reveil.commit import commit_of

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


rule gallery:
    input:
        tables=[attacked_table(study) for study in GALLERY_STUDIES],
        arrays=lambda w: [path for study in GALLERY_STUDIES for path in attacked_arrays(study)],
    output:
        f"results/{config['run']}/gallery.html",
    log:
        f"logs/{config['run']}/gallery.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        # Says what made the page, and is no reason to make it again.
        commit=commit_of(ROOT),
    params:
        run=config["run"],
        studies=GALLERY_STUDIES,
        images=GALLERY["images"],
        positions=[config["studies"][study]["pictures"]["images"] for study in GALLERY_STUDIES],
        page=[file_digest(path) for path in PAGE_FILES],
        code=code_of("gallery"),
    message:
        "Make the page on which the attacked images are looked at"
    script:
        "../scripts/gallery.py"
