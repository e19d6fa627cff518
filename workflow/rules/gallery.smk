# One page to look at the attacked images of all studies.


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
        commit=source.short(COMMIT),
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
