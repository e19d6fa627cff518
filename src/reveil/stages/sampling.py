"""Draw images from a generator of noise, and score them by their features.

No judge compares them with hidden images: they are made of no measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.models.weights import load_model
from reveil.rng import generator
from reveil.stages.measuring import Measuring, as_bytes, evenly
from reveil.stages.work import Work
from reveil.statistics import Estimate
from reveil.unir import weights
from reveil.unir.features import Extractor, of_classifier, of_inception
from reveil.unir.networks.interface import Sampler
from reveil.unir.operators.measurements import measured_again
from reveil.unir.scores import NOT_AVAILABLE, frechet_distance, inception_score
from reveil.views import view_for

SAMPLE_KEYS = ("run", "study", "protocol", "dataset", "model", "policy", "recipe", "seed")
# Of each kind that figures show.
PICTURES = 64
SPACES = ("images", "measurements")


@dataclass(frozen=True)
class DrawnSamples:
    """The scores of samples, pictures, and what they depend on.

    Attributes:
        scores: one row, with the columns of :mod:`reveil.unir.tables.scores`.
        arrays: ``samples`` and ``real``, the first of each, (64, C, H, W) uint8; ``measured``,
            float16, measurements of the real ones.
    """

    scores: pd.DataFrame
    arrays: dict[str, np.ndarray]
    identity: dict[str, Any]


@dataclass(frozen=True)
class _Sets:
    """Images in [-1, 1], and measurements of them, by what they are: ``real`` or ``fake``."""

    images: dict[str, Tensor]
    measurements: dict[str, Tensor]


def draw_samples(
    work: Work,
    *,
    prepared: str,
    policy: str,
    weights: str,
    classifier: str,
    inception: str = "",
) -> DrawnSamples:
    """Draw samples, and score them beside as many test images.

    Args:
        work: ``named`` holds the keys of the row, ``switches`` the recipe, ``samples`` (how many),
            and ``classifier`` (the recipe of that network).
        prepared: path of an array of the prepared dataset.
        policy: path of the file of the operator.
        weights: checkpoint of the generator.
        classifier: checkpoint of the network of the score.
        inception: weights of Inception v3; without them its distances are ``not available``.

    Raises:
        ReveilError: a file is missing or damaged, the generator takes measurements, or the images
            of generator and classifier differ in size.
    """
    measuring = Measuring.open(work, prepared, policy)
    samples = sample(weights, work.switches["samples"], work.seed, work.job.device)
    sets = _sets(measuring, samples)
    named = {key: work.named[key] for key in SAMPLE_KEYS}
    classify, network = _classifier(work, measuring, classifier)
    extractors = {"classifier": classify}
    if inception:
        extractors["inception"] = of_inception(inception)
    row: dict[str, Any] = {}
    row |= _columns("inception_score", inception_score(classify(samples)[1]))
    for name in ("classifier", "inception"):
        for space in SPACES:
            distance = _distance(extractors.get(name), getattr(sets, space))
            row |= _columns(f"frechet_{name}_{space}", distance)
    row |= {"n_samples": len(samples), "feature_network": network}
    arrays = {
        "samples": as_bytes(samples[:PICTURES]),
        "real": as_bytes(sets.images["real"][:PICTURES]),
        "measured": sets.measurements["real"][:PICTURES].half().numpy(),
    }
    digests = {"weights": file_digest(weights), "classifier_weights": file_digest(classifier)}
    return DrawnSamples(
        pd.DataFrame([named | row]), arrays, work.identity(**measuring.facts, **digests)
    )


def sample(path: str, count: int, seed: int, device: torch.device | str) -> Tensor:
    """Return samples (count, C, H, W) of a generator, on the CPU.

    Raises:
        ReveilError: the file is damaged, or its generator takes measurements.
    """
    network, _, _ = weights.load(path, device)
    if not isinstance(network, Sampler):
        raise ReveilError(
            f"weights {path}: {network.blueprint.model} takes measurements, and makes no image of "
            "noise; allowed: a generator of noise"
        )
    return network.sample(count, generator(seed, "samples"), device).cpu()


def _sets(measuring: Measuring, samples: Tensor) -> _Sets:
    """Return test images and as many samples, and measurements of both."""
    chosen = evenly(len(measuring.splits.labels["test"]), len(samples))
    real = measuring.measurements("test", chosen)
    rows: Sequence[int] = range(len(chosen))
    fake = samples[: len(chosen)]
    again = measured_again(fake, measuring.operator, measuring.seed, rows)
    return _Sets({"real": real.clean(rows), "fake": fake}, {"real": real.y(rows), "fake": again})


def _classifier(work: Work, measuring: Measuring, path: str) -> tuple[Extractor, str]:
    """Return the classifier's features and its name."""
    model, facts = load_model(path, work.job.device)
    dataset, made = measuring.dataset, measuring.operator.shape
    view = view_for(dataset, work.switches["classifier"])

    def seen(images: Tensor) -> Tensor:
        return view.normalise(images if made == view.shape else view.evaluate(images), "test")

    # Digits of 28 x 28 reach a classifier of 32 x 32 as test images do.
    if made not in (view.shape, (dataset.channels, dataset.size, dataset.size)):
        raise ReveilError(
            f"reconstruction.classifier: {facts['model']} sees images of {view.shape}, the "
            f"generator makes {made}; allowed: one fmnist_pipeline for both, or images as they are "
            "prepared"
        )
    return of_classifier(model, seen), facts["model"]


def _distance(extract: Extractor | None, sets: dict[str, Tensor]) -> Estimate | None:
    """Return the Fréchet distance; None without features of such things, as of vectors."""
    if extract is None or sets["real"].dim() != 4:
        return None
    real, fake = (extract(sets[kind])[0] for kind in ("real", "fake"))
    return frechet_distance(real, fake)


def _columns(name: str, found: Estimate | None) -> dict[str, Any]:
    if found is None:
        return {name: NOT_AVAILABLE, f"{name}_low": np.nan, f"{name}_high": np.nan}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
