"""A run as an RO-Crate: a workflow, what it ran on, and what it made.

Follows RO-Crate 1.1 and the profiles Workflow RO-Crate 1.0 and Workflow Run Crate 0.5. Nothing is
looked up: what is named by an address is only named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from reveil.bundle.contents import README, WORKFLOW, Entry
from reveil.datasets.registry import Source

VERSION = "1.1"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
LICENCE = "https://spdx.org/licenses/MIT"
AUTHORS = "#authors"
COMPLETED = "http://schema.org/CompletedActionStatus"
# What nobody knows stands in no entity: a date that RO-Crate demands is the one of the epoch.
NO_DATE = "1970-01-01"


@dataclass(frozen=True)
class Run:
    """What there is to say of a run.

    Attributes:
        provenance: all of ``provenance.json``.
        files: of the bundle, metadata aside.
        config: names of the files among them that hold the configuration.
        datasets: archives that its images come from.
        cited: ``CITATION.cff``, as it was read.
    """

    provenance: Mapping[str, Any]
    files: Sequence[Entry]
    config: Sequence[str]
    datasets: Sequence[Source]
    cited: Mapping[str, Any]


def metadata(run: Run) -> dict[str, Any]:
    """Return the JSON-LD of ``ro-crate-metadata.json``, the same for the same run."""
    crate = ROCrate(version=VERSION)
    _describe(crate, run)
    files = {entry.name: _add_file(crate, entry) for entry in run.files}
    inputs = [files[name] for name in run.config if name in files]
    inputs += [_add_dataset(crate, source) for source in run.datasets]
    made = [files[name] for name in files if name.split("/")[0] in ("results", "logs")]
    made = [entity for entity in made if entity not in inputs]
    workflow = files[WORKFLOW]
    _add_action(crate, run, workflow, inputs, made)
    software = [_add_software(crate, *said) for said in versions(run.provenance)]
    workflow["softwareRequirements"] = software
    return crate.metadata.generate()


def versions(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and version of all software that a run's jobs named, in order, each once."""
    found = {("reveil", provenance["reveil"])}
    for environment in provenance["environments"].values():
        named = {"python": environment["python"], **(environment["versions"] or {})}
        found |= {(name, version) for name, version in named.items() if version}
    return sorted(found)


def used_datasets(provenance: Mapping[str, Any]) -> list[str]:
    """Return the names of the datasets that a run's jobs name, in order."""
    named = {(job["wildcards"] or {}).get("dataset") for job in provenance["jobs"].values()}
    found = {path.split("/")[3] for path in map(_path, provenance["results"]) if _of_model(path)}
    return sorted(found | {name for name in named if name})


def _path(row: Mapping[str, Any]) -> str:
    return row["path"]


def _of_model(path: str) -> bool:
    return path.split("/")[2] == "models"


def _describe(crate: ROCrate, run: Run) -> None:
    said, root = run.provenance, crate.root_dataset
    commit = f", commit {said['commit']}" if said["commit"] else ""
    root["name"] = f"reveil, run {said['run']}"
    root["description"] = (
        f"Tables and figures of the run {said['run']!r} of reveil {said['reveil']}{commit}, and "
        f"what they are drawn from. {README} says how to draw them again."
    )
    root["datePublished"] = (said["ended"] or NO_DATE)[:10]
    root["license"] = crate.add(
        ContextEntity(
            crate, LICENCE, {"@type": "CreativeWork", "name": "MIT License", "identifier": LICENCE}
        )
    )
    root["author"] = crate.add(
        ContextEntity(
            crate,
            AUTHORS,
            {"@type": "Organization", "name": run.cited["authors"][0]["name"]},
        )
    )
    root["keywords"] = ", ".join(run.cited["keywords"])
    root["conformsTo"] = [
        crate.add(
            ContextEntity(
                crate,
                address,
                {"@type": ["CreativeWork", "Profile"], "name": name, "version": version},
            )
        )
        for address, (name, version) in PROFILES.items()
    ]
    root["citation"] = [_add_paper(crate, paper) for paper in run.cited["references"]]


def _add_file(crate: ROCrate, entry: Entry) -> Any:
    facts = {
        "name": entry.name,
        "contentSize": str(entry.bytes),
        "encodingFormat": entry.format,
        "sha256": entry.sha256,
    }
    if entry.name != WORKFLOW:
        return crate.add_file(dest_path=entry.name, properties=facts)
    workflow = crate.add_workflow(dest_path=entry.name, lang="snakemake", properties=facts)
    workflow["name"] = "reveil"
    workflow["license"] = {"@id": LICENCE}
    workflow["creator"] = {"@id": AUTHORS}
    crate.mainEntity = workflow
    return workflow


def _add_dataset(crate: ROCrate, source: Source) -> Any:
    """Name an archive: by its address, or of one that came with the code by a name of our own."""
    facts = {
        "name": f"{source.archive} of {source.name} {source.version}",
        "contentSize": str(source.bytes),
        "sha256": source.digests.get("sha256"),
        "license": source.licence,
    }
    said = {key: value for key, value in facts.items() if value}
    if source.remote:
        return crate.add_file(source.url, fetch_remote=False, validate_url=False, properties=said)
    identifier = f"#{source.name}/{source.archive}"
    said = {"@type": "CreativeWork", **said, "identifier": source.url}
    return crate.add(ContextEntity(crate, identifier, said))


def _add_action(crate: ROCrate, run: Run, workflow: Any, inputs: list, made: list) -> None:
    said = run.provenance
    times = {"startTime": said["started"], "endTime": said["ended"]}
    action = ContextEntity(
        crate,
        "#run",
        {
            "@type": "CreateAction",
            "name": f"Run {said['run']}",
            "actionStatus": {"@id": COMPLETED},
            **{name: time for name, time in times.items() if time},
        },
    )
    crate.add(action)
    action["instrument"] = workflow
    action["object"] = inputs
    action["result"] = made
    crate.root_dataset["mentions"] = [action]


def _add_software(crate: ROCrate, name: str, version: str) -> Any:
    facts = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
    return crate.add(ContextEntity(crate, f"#{name}-{version}", facts))


def _add_paper(crate: ROCrate, paper: Mapping[str, Any]) -> Any:
    names = [f"{who['given-names']} {who['family-names']}" for who in paper["authors"]]
    identifier = paper.get("url") or f"#{names[0].split()[-1].lower()}{paper['year']}"
    facts = {
        "@type": "ScholarlyArticle",
        "name": paper["title"],
        "author": ", ".join(names),
        "datePublished": str(paper["year"]),
    }
    return crate.add(ContextEntity(crate, identifier, facts))


def sources(names: Iterable[str], registry: Sequence[Source], known: Mapping[str, Any]) -> list:
    """Return one source of each archive of some datasets: if there is any, one with an address.

    Args:
        names: of datasets; folders of the user have no archives.
        registry: all sources.
        known: dataset by name.
    """
    wanted = {
        (dataset.home, archive): None
        for name in names
        if (dataset := known.get(name)) is not None
        for archive in dataset.archives
    }
    found = []
    for home, archive in wanted:
        rows = [row for row in registry if (row.name, row.archive) == (home, archive)]
        found += [row for row in rows if row.remote][:1] or rows[:1]
    return found
