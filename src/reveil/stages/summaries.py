"""What one job leaves in the tidy tables beside its result."""

from collections.abc import Mapping
from typing import Any

from reveil.models.weights import tensors_digest
from reveil.records import Records
from reveil.training import Trained

MODEL_KEYS = ("run", "dataset", "model", "policy", "recipe", "seed")


def history_table(trained: Trained, keys: Mapping[str, str]) -> Records:
    """Return one row per epoch, named by what was trained."""
    return Records({key: keys[key] for key in MODEL_KEYS} | row for row in trained.history)


def model_summary(trained: Trained, keys: Mapping[str, str]) -> Records:
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
    return Records([row])
