"""A made-up run with what its jobs noted, for the tests of provenance and bundles."""

import json
from pathlib import Path

from reveil.digest import file_digest
from reveil.files import write_json, write_text

TABLE = "results/toy/ats/tables/images.csv"
FIGURE = "results/toy/ats/figures/psnr_fixed_a+b.svg"
PLACE = "fashion-mnist-demo/lenetzhu/none/full/seed3"
WEIGHTS = f"results/toy/models/{PLACE}/weights.safetensors"
BESIDE = f"results/toy/models/{PLACE}/provenance.json"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
JOB = {
    "job": "collect_images",
    "started": "2026-01-02T03:04:05+00:00",
    "wall_seconds": 10.0,
    "peak_mb": 70.0,
    "peak_gpu_mb": None,
    "device": None,
    "gpu": None,
    "machine": "x86_64",
    "cpu": "a processor",
    "threads": 1,
    "python": "3.11.7",
    "versions": {"torch": "2.13.0", "absent": None},
    "commit": COMMIT,
    "dirty": False,
}


def made_up_run(root: Path) -> None:
    """Write a table, a figure and a model below ``root``, and what their jobs noted."""
    for path in (TABLE, FIGURE, WEIGHTS):
        write_text(root / path, f"content of {path}\n")
    note(root, "collect_images/ats", TABLE, rule="collect_images")
    note(root, "ats_figure_psnr", FIGURE, rule="ats_figure_psnr", inputs=[TABLE])
    # As jobs of an earlier version did: beside the results alone.
    outputs = {"weights.safetensors": file_digest(root / WEIGHTS)}
    write_json(root / BESIDE, {**JOB, "job": "train_model", "device": "cpu", "outputs": outputs})
    benchmark = root / f"logs/toy/train_model/{PLACE}.tsv"
    write_text(benchmark, "s\th:m:s\tmax_rss\n20.5\t0:00:20\t512.0\n")


def note(root: Path, log: str, output: str, **facts) -> None:
    """Write what a job noted beside its log."""
    said = {**JOB, "inputs": [], "wildcards": {"run": "toy"}, **facts}
    write_json(root / f"logs/toy/{log}.json", {**said, "outputs": {output: digest(root, output)}})


def digest(root: Path, path: str) -> str:
    return file_digest(root / path)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
