# What made a run, and the run as one file to hand on: its tables and figures, what they are drawn
# from, and what is known of how each was made. `make bundle` asks for it.

from snakemake.iocontainers import Wildcards

from reveil.provenance import source

# Jobs have it from the environment, those on a cluster as well.
if source.VARIABLE not in os.environ:
    os.environ[source.VARIABLE] = source.find_commit(ROOT)
COMMIT = os.environ[source.VARIABLE]

RUN_FOLDER = f"results/{config['run']}"
BUNDLE = f"{RUN_FOLDER}/reveil-{config['run']}.crate.zip"
# Made by hand, or of pictures that a bundle does not hold: packed as they are, if they are there.
PACKED_AS_THEY_ARE = [f"{RUN_FOLDER}/{name}" for name in ("gallery.html", "report.html")]


def flat(files):
    """Return the paths among inputs or outputs of a rule that has no wildcards."""
    found = []
    for entry in files:
        entry = entry(Wildcards()) if callable(entry) else entry
        found += [str(entry)] if isinstance(entry, str) else flat(entry)
    return found


@cache
def drawing_rules():
    """Return {path: rule} of all that is drawn from results by a rule without wildcards."""
    return {
        path: found
        for found in workflow.rules
        if not found.wildcard_names and not found.name.startswith(OWN_RULES)
        for path in flat(found.output)
        if path not in PACKED_AS_THEY_ARE
    }


@cache
def bundled():
    """Return (what is drawn, what that is drawn from): the files of a bundle.

    Drawn is what the configuration asks for; the rest is what a clone without any result needs to
    draw it again.
    """
    rules_of, drawn, needed = drawing_rules(), {}, {}
    ahead = [path for path in flat(rules.all.input) if not path.startswith(RUN_FILES)]
    while ahead:
        path = ahead.pop()
        if path in drawn or path in needed:
            continue
        if path not in rules_of:
            needed[path] = None
            continue
        drawn[path] = None
        ahead += flat(rules_of[path].input)
        # A rule's outputs are drawn together or not at all.
        ahead += flat(rules_of[path].output)
    kept = [path for path in needed if path not in PACKED_AS_THEY_ARE]
    return sorted(drawn), sorted(kept)


def asked_for():
    """Return the files of the configuration that a bundle can be made of."""
    drawn, needed = bundled()
    return drawn + needed


def packed_as_they_are(wildcards):
    """Return what is packed if it is there."""
    return [path for path in PACKED_AS_THEY_ARE if Path(path).is_file()]


OWN_RULES = ("record_config", "collect_provenance", "export_crate", "pack_bundle")
RUN_FILES = (f"{RUN_FOLDER}/config.yaml", f"{RUN_FOLDER}/in-force.yaml", f"{RUN_FOLDER}/crate/")
RUN_FILES += (f"{RUN_FOLDER}/provenance.json", BUNDLE)


rule record_config:
    output:
        config=f"{RUN_FOLDER}/config.yaml",
        in_force=f"{RUN_FOLDER}/in-force.yaml",
    log:
        f"logs/{config['run']}/record_config.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        config={key: value for key, value in config.items() if key != "in_force"},
        in_force=config["in_force"],
        code=code_of("record_config"),
    message:
        "Write the configuration, and what it means in full"
    script:
        "../scripts/record_config.py"


rule collect_provenance:
    input:
        config=rules.record_config.output.config,
        results=lambda w: asked_for(),
        as_they_are=packed_as_they_are,
    output:
        f"{RUN_FOLDER}/provenance.json",
    log:
        f"logs/{config['run']}/collect_provenance.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        # Who collects changes nothing about what made the results.
        commit=COMMIT,
        config_files="\n".join(map(str, [ROOT / "config.yaml", *workflow.configfiles])),
    params:
        run=config["run"],
        seeds=config["seeds"],
        code=code_of("collect_provenance"),
    message:
        "Collect what made every result of the run"
    script:
        "../scripts/collect_provenance.py"


rule export_crate:
    input:
        provenance=rules.collect_provenance.output[0],
        config=rules.record_config.output,
        results=lambda w: asked_for(),
        as_they_are=packed_as_they_are,
    output:
        metadata=f"{RUN_FOLDER}/crate/ro-crate-metadata.json",
        readme=f"{RUN_FOLDER}/crate/README.txt",
        checkpoints=f"{RUN_FOLDER}/crate/checkpoints.sha256",
    log:
        f"logs/{config['run']}/export_crate.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        root=str(ROOT),
        registry=str(ROOT / config["datasets"]["registry"]),
    params:
        targets=lambda w: sorted({drawing_rules()[path].name for path in bundled()[0]}),
        code=code_of("export_crate"),
    message:
        "Describe the run as an RO-Crate"
    script:
        "../scripts/export_crate.py"


rule pack_bundle:
    input:
        metadata=rules.export_crate.output.metadata,
        added=[rules.export_crate.output.readme, rules.export_crate.output.checkpoints],
        results=lambda w: asked_for(),
    output:
        BUNDLE,
    log:
        f"logs/{config['run']}/pack_bundle.log",
    localrule: True
    conda:
        "../../envs/plot.yaml"
    resources:
        root=str(ROOT),
    params:
        drawn=lambda w: bundled()[0],
        code=code_of("pack_bundle"),
    message:
        "Pack the run into one file"
    script:
        "../scripts/pack_bundle.py"
