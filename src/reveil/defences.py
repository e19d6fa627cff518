"""Defences that change a gradient before it is shared, or before a step of training.

Pruning and noise as in the code of Gao et al. (2021) and of Drabent et al. (2022), and, for a fair
comparison, pruning over the whole gradient and noise in proportion to its norm.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.defence_names import NONE, PLUGGED, Defence
from reveil.defences_plugged import defended
from reveil.rng import generator

Stream = int | tuple[int, ...]


def apply(
    defence: Defence,
    gradients: Sequence[Tensor],
    streams: Sequence[Stream],
    seed: int,
    purpose: str,
) -> list[Tensor]:
    """Return P gradients as the defence lets them out; the given ones stay as they are.

    ``prune-p`` sets the floor(n p / 100) entries of smallest magnitude of each of a gradient's
    tensors, of n entries, to 0; of equal magnitudes the first are taken. The released code calls
    it global; ``prune-global-p`` is, over all tensors of a gradient together. ``gaussian-s`` adds
    s N(0, 1) to every entry and ``laplacian-s`` s Laplace(0, 1), of standard deviation sqrt(2) s;
    ``gaussian-rel-s`` adds s |g| / sqrt(n) N(0, 1), |g| and n being of the whole gradient. A
    plug-in gets one gradient at a time, and its stream.

    Args:
        gradients: one (P, *shape) tensor per parameter.
        streams: what names each gradient's noise: the stream (seed, purpose, it), on the CPU.

    Returns:
        Tensors of the same shapes, kinds and layouts in memory.

    Raises:
        PluginError: a plug-in fails, or returns something else.
    """
    if defence.kind == NONE:
        return list(gradients)
    if defence.kind == "prune":
        return [_without(g, _smallest(g.flatten(1), defence)) for g in gradients]
    if defence.kind == PLUGGED:
        named = [generator(seed, purpose, *_ids(stream)) for stream in streams]
        return defended(defence.own, gradients, named)
    sizes = [g[0].numel() for g in gradients]
    if defence.kind == "prune-global":
        whole = torch.cat([g.flatten(1) for g in gradients], 1)
        masks = _smallest(whole, defence).split(sizes, 1)
        return [_without(g, mask) for g, mask in zip(gradients, masks, strict=True)]
    sources = [generator(seed, purpose, *_ids(stream)) for stream in streams]
    noise = torch.stack([_noise(defence, sum(sizes), source) for source in sources])
    if defence.kind == "gaussian-rel":
        squares = sum(g.flatten(1).double().square().sum(1) for g in gradients)
        noise *= (squares / sum(sizes)).sqrt().to(noise)[:, None]
    pieces = noise.split(sizes, 1)
    return [g + n.reshape(g.shape).to(g) for g, n in zip(gradients, pieces, strict=True)]


def _ids(stream: Stream) -> tuple[int, ...]:
    return stream if isinstance(stream, tuple) else (stream,)


def _without(gradients: Tensor, entries: Tensor) -> Tensor:
    # A clone keeps the layout in memory, which masked_fill by itself does not.
    return gradients.clone().masked_fill_(entries.reshape(gradients.shape), 0)


def _smallest(rows: Tensor, defence: Defence) -> Tensor:
    """Return where the entries to prune are in each row of (P, n): bool (P, n)."""
    count = math.floor(rows.shape[1] * defence.value / 100)
    if count == 0:
        return torch.zeros_like(rows, dtype=torch.bool)
    sizes = rows.abs()
    highest = sizes.kthvalue(count, dim=1, keepdim=True).values
    below, level = sizes < highest, sizes == highest
    wanted = count - below.sum(1, keepdim=True)
    if torch.equal(level.sum(1, keepdim=True), wanted):
        return below | level
    return below | (level & (level.cumsum(1) <= wanted))


def _noise(defence: Defence, count: int, source: torch.Generator) -> Tensor:
    """Return the noise of one whole gradient, (count,) float32 on the CPU."""
    scale = float(defence.value)
    if defence.kind != "laplacian":
        return scale * torch.randn(count, generator=source)
    # By the inverse of the distribution, in float64: float32 would cut its tails off at 16.
    uniform = torch.rand(count, generator=source, dtype=torch.float64).mul_(2).sub_(1)
    size = uniform.abs().clamp_(max=1 - 2**-53).neg_().log1p_().neg_()
    return (scale * size.copysign_(uniform)).float()
