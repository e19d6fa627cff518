# What a bundle holds, and which commit it is of.

from snakemake.iocontainers import Wildcards

from reveil.provenance import source
from reveil.provenance.run import named

# Jobs have it from the environment, those on a cluster as well.
if source.VARIABLE not in os.environ:
    os.environ[source.VARIABLE] = source.find_commit(ROOT)
COMMIT = os.environ[source.VARIABLE]

RUN_FOLDER = f"results/{config['run']}"
BUNDLE = f"{RUN_FOLDER}/reveil-{config['run']}.crate.zip"
# Not said by the user: what follows from the configuration, and from results.
FOUND_OUT = ("in_force", "changed", "ran", "verdicts")
SAID = {key: value for key, value in config.items() if key not in FOUND_OUT}
CONFIG_FILES = [str(ROOT / "config.yaml"), *map(str, workflow.configfiles)]
# What is made from the results, and is no part of them.
OWN_RULES = ("record_config", "collect_provenance", "export_crate", "pack_bundle")
RUN_FILES = (f"{RUN_FOLDER}/config.yaml", f"{RUN_FOLDER}/in-force.yaml", f"{RUN_FOLDER}/crate/")
RUN_FILES += (f"{RUN_FOLDER}/provenance.json", BUNDLE)
# Made by hand, or of pictures that a bundle does not hold: packed as they are, if they are there.
PACKED_AS_THEY_ARE = [f"{RUN_FOLDER}/{name}" for name in ("gallery.html", "report.html")]

# The report's front page sees the config only.
try:
    config["verdicts"] = front.report_rows(f"{RUN_FOLDER}/verdicts.csv")
    config["ran"] = front.ran(
        SAID,
        named(CONFIG_FILES, ROOT),
        [verdict_files(study)["provenance"] for study in config["studies"]],
    )
    config["changed"] = front.changed(config["in_force"], ROOT)
except ReveilError as error:
    raise WorkflowError(str(error)) from None


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
    draw it again. A table that reads no result, as it counts layers, is of the rest: figures may
    read it.
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
        read = flat(rules_of[path].input)
        (drawn if read else needed)[path] = None
        ahead += read
        # A rule's outputs are drawn together or not at all.
        ahead += flat(rules_of[path].output)
    # What else is read comes with the code.
    results = [path for path in needed if path.startswith(("results/", "logs/"))]
    kept = [path for path in results if path not in PACKED_AS_THEY_ARE]
    return sorted(drawn), sorted(kept)


def asked_for():
    """Return the files of the configuration that a bundle can be made of."""
    drawn, needed = bundled()
    return drawn + needed


def packed_as_they_are(wildcards):
    """Return what is packed if it is there."""
    return [path for path in PACKED_AS_THEY_ARE if Path(path).is_file()]
