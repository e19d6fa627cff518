"""What one job leaves in the tidy tables beside its result."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reveil.models.weights import tensors_digest
from reveil.training import Trained

MODEL_KEYS = ("run", "dataset", "model", "policy", "recipe", "seed")


def history_table(trained: Trained, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per epoch, named by what was trained."""
    table = pd.DataFrame(trained.history)
    for position, key in enumerate(MODEL_KEYS):
        table.insert(position, key, keys[key])
    return table


def model_summary(trained: Trained, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return the one row of a trained model: size, accuracies in percent with their n, seconds.

    ``weights_digest`` is the SHA-256 over the tensors: that of the file would differ between equal
    models, as safetensors writes its metadata in any order.
    """
    measured = {row["measure"]: row for row in trained.evaluation}
    row: dict[str, Any] = {key: keys[key] for key in MODEL_KEYS}
    row["epochs"] = len(trained.history)
    row["parameters"] = sum(p.numel() for p in trained.model.parameters() if p.requires_grad)
    for measure in ("clean", "transformed"):
        row[f"accuracy_{measure}_pct"] = measured[measure]["accuracy_pct"]
    row["n_test"] = measured["clean"]["n"]
    row["train_seconds"] = trained.seconds
    row["weights_digest"] = tensors_digest(trained.model.state_dict())
    return pd.DataFrame([row])
