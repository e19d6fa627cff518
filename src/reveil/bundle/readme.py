"""What a bundle says to whoever opens it."""

from collections.abc import Mapping
from typing import Any

TEXT = """\
The run {run!r} of reveil {version}: what an image leaks and what stops it.

{commit}
Computed from {started} to {ended} (UTC).

  results/{run}/   tables, figures, and the pictures that figures are drawn from;
                   config.yaml is the configuration, in-force.yaml what it means in full,
                   provenance.json what made each file, on what, from what and in how long
  logs/{run}/      Snakemake's measurements of the jobs
  checkpoints.sha256   digests of the trained networks, which are not in here
  ro-crate-metadata.json   all of this for machines (RO-Crate, Workflow Run)

To draw any figure or table again, in a clone of the repository{at}:

  make unpack BUNDLE=reveil-{run}.crate.zip
  .venv/bin/snakemake TARGET --configfile results/{run}/config.yaml

Each target is one job, without data and without a GPU. Targets of this run:

{targets}

Without TARGET all are drawn.
"""


def text(provenance: Mapping[str, Any], targets: list[str]) -> str:
    """Return the text for a run, from its provenance and the rules that draw it."""
    commit = provenance["commit"]
    changed = ", with changes that are in no commit" if provenance["dirty"] else ""
    return TEXT.format(
        run=provenance["run"],
        version=provenance["reveil"],
        commit=f"Commit {commit}{changed}." if commit else "Of no commit that is known.",
        at=f" at {commit[:12]}" if commit else "",
        started=provenance["started"],
        ended=provenance["ended"],
        targets="\n".join(f"  {name}" for name in sorted(targets)),
    )
