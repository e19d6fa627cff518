"""Results that were cut off behind Snakemake's back: named, never used, and made again."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.small import ATTACK, MODEL, POLICY, STUDY, TARGETS, assert_undisturbed, cut
from tests.workflow import Clone

GRID = "ats_figure_grid"
Damage = Callable[[Path], None]


def last_row(path: Path) -> None:
    """Take the last row away: what is left is as good a table as any."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))


def half_a_row(path: Path) -> None:
    cut(path, -20)


def half(path: Path) -> None:
    cut(path, path.stat().st_size // 2)


def damage(clone: Clone, *damaged: tuple[str, Damage]) -> None:
    """Damage some results, in a way that no date tells."""
    for file, how in damaged:
        how(clone.path / file)


def refused(clone: Clone, files: list[str], *targets: str) -> None:
    """Run with the damaged files and see that each is named with what to do; then do it."""
    done = clone.run(*targets, "--keep-going", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    for file in files:
        told = [line for line in done.stderr.splitlines() if "error: " in line and file in line]
        assert told, f"{file} is not named:\n{done.stderr}"
        assert re.search("delete it,? .*to have it made again", told[0])
        (clone.path / file).unlink()


def test_damaged_results_are_named_never_used_and_made_again(
    small: Clone, disturbed: Clone
) -> None:
    damage(disturbed, (f"{ATTACK}.npz", half))
    refused(disturbed, [f"{ATTACK}.npz"], GRID)

    table = f"{STUDY}/tables/images.csv"
    damage(disturbed, (table, last_row))
    refused(disturbed, [table], "ats_table_policies")
    assert not (disturbed.path / STUDY / "tables/policies.csv").exists()

    lot = [f"{ATTACK}.csv", f"{MODEL}/summary.csv"]
    damage(disturbed, *zip(lot, (last_row, half_a_row), strict=True))
    refused(disturbed, lot, *TARGETS)
    assert not (disturbed.path / table).exists()
    # What nobody damaged is still there.
    assert (disturbed.path / MODEL / "history.csv").exists()

    damage(disturbed, (f"{MODEL}/weights.safetensors", half))
    refused(disturbed, [f"{MODEL}/weights.safetensors"], f"{ATTACK}.csv")
    damage(disturbed, (POLICY, half))
    refused(disturbed, [POLICY], *TARGETS)

    disturbed.run(*TARGETS)
    assert_undisturbed(disturbed, small)
