"""The choices of b, the fooling counterpart that features are hidden with (Xiang et al. 2020).

==============  ================================================================================
``pair``        the halves of a batch are each other's counterparts, so that two images travel in
                one complex map (the authors' code)
``permutation``  another image of the batch, at random
``previous``    the image at the same place in the previous batch (Knijff et al. 2021)
``noise``       Gaussian noise of the magnitude of a
==============  ================================================================================
"""

import torch
from torch import Tensor

from reveil.errors import ReveilError, not_allowed
from reveil.rng import generator

FROM_BATCH = ("pair", "permutation")


def partners(kind: str, count: int, seed: int, *ids: object) -> Tensor:
    """Return which image of a batch is the counterpart of each.

    Args:
        kind: ``pair``, see :func:`in_pairs`; or ``permutation``, a random one in which no image is
            its own partner.
        count: images in the batch; a single one has only itself.
        seed, ids: name the stream (seed, "partners", ids) of a permutation.

    Returns:
        (count,) int64.

    Raises:
        ReveilError: another kind, which does not take its counterparts from the batch.
    """
    if kind not in FROM_BATCH:
        raise ReveilError(not_allowed("counterpart", kind, FROM_BATCH))
    if kind == "pair":
        return in_pairs(torch.arange(count))
    # The successor on a random circle through all images is never the image itself.
    circle = torch.randperm(count, generator=generator(seed, "partners", *ids))
    chosen = torch.empty_like(circle)
    chosen[circle] = circle.roll(-1)
    return chosen


def pair_count(count: int) -> int:
    """Return how many pairs ``count`` images make; the odd one out makes a pair of its own."""
    return (count + 1) // 2


def in_pairs(x: Tensor) -> Tensor:
    """Return the counterpart of every row of a batch whose halves are each other's.

    Of B images, image j of the first half and image ceil(B/2) + j are a pair. Where B is odd the
    last image of the first half pairs with the first image of the batch, which is counted in its
    own pair alone; so the pairs have the rows ``x[:ceil(B/2)]`` and ``in_pairs(x)[:ceil(B/2)]``,
    and all rows that count, in order, are the first B of these two together.

    Args:
        x: (B, ...).
    """
    pairs, count = pair_count(len(x)), len(x)
    return torch.cat([x[pairs:], x[: 2 * pairs - count], x[: count - pairs]])


def from_previous(rows: int, count: int) -> Tensor:
    """Return the rows of a previous batch of ``rows`` images at the places of ``count`` images.

    A previous batch that is shorter starts again.
    """
    return torch.arange(count) % rows


def noise_like(features: Tensor, noise: Tensor) -> Tensor:
    """Return noise with the root mean square of the features, sample by sample.

    Args:
        features: (B, c, h, w); no gradient flows to them.
        noise: standard normal, of the same shape.
    """
    magnitude = features.detach().float().square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return noise.to(features) * magnitude.to(features.dtype)
