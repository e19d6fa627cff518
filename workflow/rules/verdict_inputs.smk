# The claims, and which tables of the run decide them.

CLAIM_FILES = [str(ROOT / path) for path in config["claims"]]
if gone := [path for path in CLAIM_FILES if not Path(path).is_file()]:
    raise WorkflowError(f"claims: {gone[0]!r} is no file; allowed: paths of files of claims")

# What the tests of claims call a table -> what it is called among those of an experiment.
CLAIM_TABLES = {"scores": ("grouped", "scores")}
# Beside its own table, what a test needs to read it.
BESIDE = {"scores": ("singles",), "correlation": ("images",)}


@cache
def every_claim():
    """Return the claims of all files. These take as long to check as a small plan."""
    try:
        return criteria.read_claims(CLAIM_FILES, ROOT)
    except ReveilError as error:
        raise WorkflowError(str(error)) from None


def claims_of(study):
    """Return the claims of a study: there are some, or the end of a long run would miss them."""
    found = [claim for claim in every_claim() if claim.study == study]
    if not found:
        files = ", ".join(config["claims"])
        raise WorkflowError(
            f"claims: {files}: no claim of the study {study}; config/claims.yaml has some"
        )
    return found


def study_outputs(study):
    """Return what the target of a study makes, verdicts aside."""
    settings_of = config["studies"][study]
    drawn = [getattr(rules, f"{study}_{item}").output for item in settings_of["items"]]
    return drawn + [inputs_of_target(name) for name in settings_of["experiments"]["targets"]]


@cache
def tables_at_hand(study):
    """Return the tables that the target of a study makes or reads anyhow."""
    made = {str(path) for path in flatten(study_outputs(study))}
    drawing = [rule for rule in workflow.rules if made & set(map(str, rule.output))]
    paths = (path for rule in drawing for path in (*rule.input, *rule.output))
    return {str(path) for path in paths if isinstance(path, str) and path.endswith(".csv")}


def flatten(paths):
    """Yield the paths of nested lists, and of functions of no wildcard."""
    for path in paths:
        if isinstance(path, str):
            yield path
        else:
            yield from flatten(path(None) if callable(path) else path)


def claim_files(claim):
    """Return table -> files of a claim: of its experiment, and of the study's own items.

    Rows of images that only a claim asks for are stacked for it: their attackers are trained anyhow.
    """
    names = dict.fromkeys(test.table for test in claim.tests)
    wanted = dict.fromkeys(name for table in names for name in (table, *BESIDE.get(table, ())))
    at_hand, found = set(tables_at_hand(claim.study)), {}
    targets = config["studies"][claim.study]["experiments"]["targets"]
    if claim.experiment in targets and experiment_attacks(claim.experiment):
        at_hand.add(tidy(claim.experiment, "images"))
    for table in wanted:
        called = CLAIM_TABLES.get(table, (table,))
        own = [path for name in called if (path := tidy(claim.experiment, name)) in at_hand][:1]
        of_items = f"results/{config['run']}/{claim.study}/tables/{table}.csv"
        # What is no row of an image or a model, such as a correlation, is of one experiment alone.
        shared = table in ("images", "models") or not own
        if paths := own + [of_items] * (shared and of_items in at_hand):
            found[table] = paths
    return found


@cache
def files_of_claims(study):
    """Return claim -> table -> files."""
    return {claim.id: claim_files(claim) for claim in claims_of(study)}


@cache
def claimed_iterations(study):
    """Return attack -> iterations of its preset, unchanged by this configuration."""
    tests = [test for claim in claims_of(study) for test in claim.tests]
    names = {str(name) for test in tests for name in test.select.get("attack", ())}
    known = names & set(settings.preset_paths(ROOT, "attacks")) if study == "ats" else set()
    return {name: settings.resolve_attack({}, ROOT, name)["iterations"] for name in sorted(known)}


@cache
def cuts_of(study):
    """Return claim -> where the configuration has less than the presets it is judged by."""
    return {
        claim.id: [cut._asdict() for cut in cuts(SAID, ROOT, claim)] for claim in claims_of(study)
    }


def tables_of_claims(study):
    """Return the tables that the claims of a study are judged by, as a function of no wildcard."""

    def tables(wildcards):
        files = files_of_claims(study).values()
        return sorted({path for tables in files for paths in tables.values() for path in paths})

    return tables


def verdict_files(study):
    """Return what the judging of a study writes."""
    folder = f"results/{config['run']}/{study}"
    return {
        "verdicts": f"{folder}/verdicts.csv",
        "tests": f"{folder}/verdict-tests.csv",
        "provenance": f"{folder}/verdicts.json",
    }


def judging(study):
    """Return the parameters of the judging of a study."""
    return {
        "study": study,
        "run": config["run"],
        "files": lambda w: files_of_claims(study),
        "iterations": lambda w: claimed_iterations(study),
        "cuts": lambda w: cuts_of(study),
        "criteria": [file_digest(path) for path in CLAIM_FILES],
        "registered": [
            file_digest(path) for path in map(registry.beside, CLAIM_FILES) if path.exists()
        ],
        "code": code_of("judge_ats"),
    }
