# What made a run, and the run as one file to hand on: its tables and figures, what they are drawn
# from, and what is known of how each was made. `make bundle` asks for it.


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
        config=SAID,
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
        config_files="\n".join(CONFIG_FILES),
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
