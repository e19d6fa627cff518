"""Edits of a study's code in a clone, and what a plan makes of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.workflow import Clone


@contextmanager
def edited(clone: Clone, study: str, module: str) -> Iterator[Clone]:
    """Yield the clone with one statement more in a module of a study's package."""
    path = clone.path / f"src/reveil/{study}/{module}.py"
    source = path.read_text()
    path.write_text(f"{source}\nREMARK = 1\n")
    try:
        yield clone
    finally:
        path.write_text(source)


def work(plan: dict[str, int], study: str) -> dict[str, int]:
    """Return the jobs of a plan that neither stack rows, nor draw or judge, nor ask for others."""
    drawing = (*(f"{study}_{kind}" for kind in ("table_", "figure_", "exp")), "judge_", "gallery")
    return {
        rule: count
        for rule, count in plan.items()
        if rule not in ("all", study) and not rule.startswith(("collect_", *drawing))
    }
