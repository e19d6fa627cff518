"""A forecast as text for people, and as JSON or CSV for programs."""

import csv
import io
import json
from collections.abc import Sequence

from reveil.forecast.estimate import BASES, GUESSED
from reveil.forecast.forecast import Forecast, Row, Span

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
SPANS = ("gpu_hours", "cpu_hours", "wall_hours")
NOTES = """\
Most likely (low to high). measured, scaled, guessed: shares of the hours. shared: models, data and
the like that several studies need, counted once. wall: of the row and what it waits for, if nothing
else runs; jobs start as soon as something is free, the longest chain first. CPU hours are of one
core, of jobs without a GPU. disk: of new files."""
GUESSES = """\
Guesses of GPU times are arithmetic, multiply-adds by an assumed speed, never measured by us; see
src/reveil/forecast/rates.py for every number and its reason."""


def text(forecast: Forecast, rows: Sequence[Row], title: str) -> str:
    """Return tables, what they mean, and what would be worth measuring first."""
    machines = forecast.machines
    wall = f"wall, {_counted(machines.gpus, 'GPU')}, {_counted(machines.cores, 'core')}"
    head = [title, "jobs", "GPU hours", "CPU hours", wall, "disk", *BASES]
    table = [head, *(_cells(row) for row in rows)]
    if all(row.wall_hours is None for row in rows):
        table = [[cell for at, cell in enumerate(line) if at != head.index(wall)] for line in table]
    parts = [_aligned(table), NOTES]
    if machines.gpus and any(row.shares[GUESSED] for row in rows):
        parts.append(GUESSES)
    advice = _advice(forecast)
    return "\n\n".join([*parts, advice] if advice else parts)


def as_json(forecast: Forecast, rows: Sequence[Row]) -> str:
    """Return the rows, the machines, and what would be worth measuring first."""
    machines = forecast.machines
    return json.dumps(
        {
            "gpus": machines.gpus,
            "cores": machines.cores,
            "gpu": machines.gpu.name,
            "cpu": machines.cpu,
            "rows": [_flat(row) for row in rows],
            "worth_measuring": [
                {"kind": kind, "hours": round(hours, 4), "run": told.job.outputs[0]}
                for kind, hours, told in forecast.worth_measuring()
            ],
        },
        indent=2,
    )


def as_csv(rows: Sequence[Row]) -> str:
    """Return the rows, one a line."""
    stream = io.StringIO()
    lines = [_flat(row) for row in rows]
    writer = csv.DictWriter(stream, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue().rstrip("\n")


def _advice(forecast: Forecast) -> str:
    lines = []
    for kind, hours, told in forecast.worth_measuring():
        again = f"{time(told.estimate.seconds / 3600)} for one"
        lines += [f"  {kind}: {time(hours)} guessed; {again}:", f"    {told.job.outputs[0]}"]
    if not lines:
        return ""
    return "\n".join(["Worth measuring first: make one of these files, and plan again.", *lines])


def _flat(row: Row) -> dict[str, float | int | str | None]:
    flat: dict[str, float | int | str | None] = {"name": row.name, "jobs": row.jobs}
    for name in SPANS:
        span = getattr(row, name)
        for part in ("value", "low", "high"):
            key = name if part == "value" else f"{name}_{part}"
            flat[key] = None if span is None else round(getattr(span, part), 4)
    flat["bytes"] = round(row.bytes)
    flat |= {basis: round(share, 4) for basis, share in row.shares.items()}
    return flat | {f"bytes_{basis}": round(share, 4) for basis, share in row.bytes_shares.items()}


def _cells(row: Row) -> list[str]:
    wall = "" if row.wall_hours is None else _span(row.wall_hours)
    shares = [f"{100 * row.shares[basis]:.0f} %" for basis in BASES]
    return [
        row.name,
        f"{row.jobs:,}",
        _span(row.gpu_hours),
        _span(row.cpu_hours),
        wall,
        size(row.bytes),
        *shares,
    ]


def _span(span: Span) -> str:
    if span.high == 0:
        return "0"
    each, unit = _unit(span.value)
    low, high = (_rounded(number * each) for number in (span.low, span.high))
    return f"{_rounded(span.value * each)} ({low} to {high}) {unit}"


def time(hours: float) -> str:
    """Return hours for people: seconds below 2 minutes, minutes below 2 hours, else hours."""
    each, unit = _unit(hours)
    return f"{_rounded(hours * each)} {unit}"


def _unit(hours: float) -> tuple[float, str]:
    if hours * 60 < 2:
        return 3600.0, "s"
    return (60.0, "min") if hours < 2 else (1.0, "h")


def size(count: float) -> str:
    """Return bytes for people, with two digits at least."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{_rounded(count / unit)} {name}"
    return f"{count:.0f} B"


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )
