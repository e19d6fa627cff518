"""Made-up dry runs and finished jobs for the tests of forecasts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reveil.forecast.dryrun import Planned

CPU, GPU = "Processor X", "Accelerator Y"
TRAINED = "fashion-mnist-demo/lenetzhu/none/full/seed0"
RECIPE = {
    "batch_size": 64,
    "epochs": 2,
    "holdout": 1000,
    "subset": {"rule": "all", "fraction": 1.0},
    "stop_after": None,
    "drop_last": False,
    "precision": "fp32",
    "defence": "none",
}


def line(rule: str, outputs: list[str], inputs: list[str] | None = None, **changes: object) -> str:
    """Return what the logger writes of a job."""
    said = {"rule": rule, "wildcards": {}, "inputs": inputs or [], "outputs": outputs}
    return json.dumps({**said, "benchmark": "", "threads": 1, "gpu": 0, **changes})


def training(model: str = "lenetzhu", seed: int = 0, gpu: int = 0) -> Planned:
    """Return a planned training of the run ``demo``."""
    place = f"fashion-mnist-demo/{model}/none/full/seed{seed}"
    named = {"run": "demo", "dataset": "fashion-mnist-demo", "model": model, "policy": "none"}
    return Planned(
        "train_model",
        {**named, "recipe": "full", "seed": str(seed)},
        (),
        (f"results/demo/models/{place}/weights.safetensors",),
        f"logs/demo/train_model/{place}.tsv",
        1,
        gpu,
    )


def finished(
    root: Path,
    seconds: float,
    *,
    run: str = "demo",
    place: str = TRAINED,
    epochs: int = 2,
    gpu: str | None = None,
    startup: float = 2.0,
    cpu: str = CPU,
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Write the benchmark file and the provenance of a training."""
    tsv = root / f"logs/{run}/train_model/{place}.tsv"
    tsv.parent.mkdir(parents=True, exist_ok=True)
    tsv.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    said = root / f"results/{run}/models/{place}/provenance.json"
    said.parent.mkdir(parents=True, exist_ok=True)
    facts = {"job": "train_model", "device": "cuda" if gpu else "cpu", "gpu": gpu, "cpu": cpu}
    times = {"threads": 1, "wall_seconds": seconds - startup}
    said.write_text(
        json.dumps({**facts, **times, "recipe": recipe or {**RECIPE, "epochs": epochs}})
    )
