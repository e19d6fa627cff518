"""What the training of a private network leaves in the tidy tables beside its result."""

import math
from collections.abc import Mapping
from typing import Any

import torch

from reveil.cvnn.equivariance import equivariance_error
from reveil.cvnn.key_accuracy import CLEAN, RANDOM_KEY, RIGHT_KEY, WRONG_KEY
from reveil.cvnn.multiply_adds import multiply_adds
from reveil.cvnn.private import PrivateNetwork
from reveil.cvnn.training import TrainedPrivate
from reveil.cvnn.weights import CRITIC
from reveil.models.weights import tensors_digest
from reveil.precision import precision
from reveil.records import Records
from reveil.rng import generator
from reveil.stages.summaries import MODEL_KEYS

# Complex maps that equivariance is measured on.
MAPS = 4


def private_summary(trained: TrainedPrivate, keys: Mapping[str, str]) -> Records:
    """Return the one row of a trained private network; what it has not is left out (NaN).

    ``accuracy_clean_pct`` is with the right key where there is one; ``multiply_adds_device`` counts
    encoder, generator and decoder, ``multiply_adds_cloud`` the processing of one complex map;
    ``adversarial_gradient_norm`` and ``clipped_share`` are those of the last epoch in which they
    were measured; ``weights_digest`` is over network and critic.
    """
    measured = {row["measure"]: row for row in trained.evaluation}
    clean = measured.get(RIGHT_KEY) or measured[CLEAN]
    network = trained.network
    cost = multiply_adds(network)
    tensors = dict(network.state_dict())
    if trained.critic is not None:
        tensors |= {CRITIC + name: x for name, x in trained.critic.state_dict().items()}
    row: dict[str, Any] = {key: keys[key] for key in MODEL_KEYS}
    row["epochs"] = len(trained.history)
    row["parameters"] = sum(p.numel() for p in network.parameters() if p.requires_grad)
    row["accuracy_clean_pct"] = clean["accuracy_pct"]
    for column, key in (("accuracy_random_pct", RANDOM_KEY), ("accuracy_wrong_pct", WRONG_KEY)):
        row[column] = measured.get(key, {}).get("accuracy_pct", math.nan)
    row["n_test"] = clean["n"]
    row["train_seconds"] = trained.seconds
    row["multiply_adds_device"] = cost["device"] + cost["generator"] + cost["decoder"]
    row["multiply_adds_cloud"] = cost["cloud"]
    for column in ("adversarial_gradient_norm", "clipped_share"):
        values = [r[column] for r in trained.history if not math.isnan(r[column])]
        row[column] = values[-1] if values else math.nan
    row["equivariance_error"] = _equivariance(network) if network.complex else math.nan
    row["weights_digest"] = tensors_digest(tensors)
    return Records([row])


def _equivariance(network: PrivateNetwork) -> float:
    """Return the error on normal features from a fixed stream, in fp32."""
    source = generator(0, "equivariance", network.model)
    x = torch.randn(2 * MAPS, *network.feature_shape, generator=source)
    device = next(network.parameters()).device
    with precision("fp32", device):
        return equivariance_error(network.processor, x.to(device))
