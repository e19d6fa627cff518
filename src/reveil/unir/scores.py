"""Scores of sets of images by their features: an inception-type score and the Fréchet distance."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import special
from torch import Tensor

from reveil.errors import ReveilError
from reveil.statistics import Estimate

# Where no feature network is at hand: written in place of a number, so that no score goes missing.
NOT_AVAILABLE = "not available"
# Section 4.3: a score on fewer samples rests on too few of them for an interval.
SMALLEST = 10_000
SPLITS = 10
METHOD = "jackknife"


def inception_score(
    logits: Tensor, *, splits: int = SPLITS, smallest: int = SMALLEST, level: float = 0.95
) -> Estimate:
    """Estimate exp(E KL(p(label | x) || p(label))) (section 4.3), from 1 to the number of classes.

    Args:
        logits: (N, classes) of a classifier, in random order.
        splits: that the interval is made of.
        smallest: samples that an interval needs; with fewer there is none.

    Raises:
        ReveilError: fewer samples than splits.
    """
    log_p = logits.double().cpu().log_softmax(1)

    def score(kept: Tensor) -> float:
        part = log_p[kept]
        marginal = part.logsumexp(0) - np.log(len(part))
        return float((part.exp() * (part - marginal)).sum(1).mean().exp())

    return _jackknife(score, len(log_p), splits, smallest, level)


def frechet_distance(
    real: Tensor, fake: Tensor, *, splits: int = SPLITS, smallest: int = 0, level: float = 0.95
) -> Estimate:
    """Estimate |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of features (Heusel et al. 2017).

    Means m and covariances S, with n - 1, are those of Gaussians of the same moments; 0 for equal
    sets. The distance of finite sets of one law is above 0, so compare at equal numbers alone.

    Args:
        real: (N, d) features, N at least 2.
        fake: (N', d). Where N' is N, row i is taken for the same image and left out together.
        splits: that the interval is made of.
        smallest: fakes that an interval needs; with fewer there is none.

    Raises:
        ReveilError: too few features, or of different numbers per image.
    """
    if real.dim() != 2 or fake.dim() != 2 or real.shape[1] != fake.shape[1]:
        raise ReveilError(
            f"features: {tuple(real.shape)} and {tuple(fake.shape)} are not allowed; allowed: as "
            "many per image in both"
        )
    if min(len(real), len(fake)) < 2:
        raise ReveilError(f"features: of {len(real)} and {len(fake)} images; allowed: from 2 each")
    real, fake = (features.double().cpu() for features in (real, fake))
    paired = len(real) == len(fake)

    def distance(kept: Tensor) -> float:
        return _frechet(real[kept] if paired else real, fake[kept])

    return _jackknife(distance, len(fake), splits, smallest, level)


def _frechet(real: Tensor, fake: Tensor) -> float:
    mean = (real.mean(0) - fake.mean(0)).square().sum()
    first, second = (torch.cov(features.T).reshape(real.shape[1], -1) for features in (real, fake))
    # S S' has the eigenvalues of S^(1/2) S' S^(1/2), which is symmetric.
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    return float((mean + first.trace() + second.trace() - 2 * cross).clamp(min=0))


def _jackknife(
    score: Callable[[Tensor], float], count: int, splits: int, smallest: int, level: float
) -> Estimate:
    """Estimate a score of ``count`` samples by leaving out one split after the other."""
    if not 2 <= splits <= count:
        raise ReveilError(f"splits: {splits} is not allowed; allowed: 2 to {count}, the samples")
    everything = torch.arange(count)
    value = score(everything)
    if count < smallest:
        return Estimate(value, float("nan"), float("nan"), count, "none")
    split = everything % splits
    left = np.array([score(everything[split != k]) for k in range(splits)])
    error = np.sqrt((splits - 1) / splits * ((left - left.mean()) ** 2).sum())
    half = float(special.stdtrit(splits - 1, (1 + level) / 2) * error)
    return Estimate(value, value - half, value + half, count, METHOD)
