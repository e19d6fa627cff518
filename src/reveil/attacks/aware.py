"""The attacker who knows the policy but not what the victim drew from it.

Every hypothesis on the discrete draws (see :mod:`reveil.attacks.hypotheses`) is an attack of its
own: the unknown x goes through a crop's shift and the policy's operations before it goes through
the model, D(g(T_h(x)), g*) + regularisation of x. What is continuous is learned with x: the shift
of the crop, and on request the factors of the blends. All hypotheses of an image start from one
noise; after a share of the iterations those of the lowest cost go on alone, and at the end the
lowest cost decides.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.hypotheses import AwareSettings, assigned, hypotheses
from reveil.attacks.interface import Reconstruction
from reveil.attacks.labels import with_labels
from reveil.attacks.run import Live, Problem, run_block
from reveil.attacks.transformed import Transformed
from reveil.errors import ReveilError
from reveil.job import State
from reveil.scene import Shared

log = logging.getLogger(__name__)

PREFIX = "each."


def reconstruct(
    model: nn.Module,
    shared: Shared,
    parameters: Mapping[str, Any],
    images: Sequence[int],
    seed: int,
    *,
    device: torch.device,
    chunk: int | str = "auto",
    state: State | None = None,
    dtype: torch.dtype = torch.float32,
    loss_factor: float = 1.0,
) -> Reconstruction:
    """Reconstruct a block; see :func:`reveil.attacks.reconstruct`.

    Raises:
        ReveilError: the attacker is told no policy, or several images are behind a gradient.
    """
    settings = AwareSettings.of(parameters)
    if shared.policy is None:
        raise ReveilError("knows: 'nothing' is not allowed for method 'aware'; allowed: policy")
    shape = tuple(shared.shape)
    if shared.batch > 1:
        raise ReveilError(f"batch: {shared.batch} is not allowed for method 'aware'; allowed: 1")
    count = len(hypotheses(shared.policy, shared.augment or "none", shape, settings.factors))
    if count > settings.max_hypotheses:
        log.warning(
            "max_hypotheses: each image tries %d of the %d that there are of %s, and may miss the "
            "right one",
            settings.max_hypotheses,
            count,
            shared.policy.name,
        )
    # Of each hypothesis the image and two moments.
    size = 3 * prod(shared.shape) * dtype.itemsize
    return run_block(
        Hypotheses,
        settings,
        model,
        shared,
        images,
        seed,
        device=device,
        chunk=chunk,
        state=state,
        dtype=dtype,
        loss_factor=loss_factor,
        extra_bytes=settings.max_hypotheses * size,
    )


class Hypotheses(Problem):
    """All hypotheses of every image, each a slot in which :class:`Transformed` is at work.

    The tensors of the slots, ``each.*``, have the problems first and the slots second. Slots are
    worked on one after the other, so that the shared gradients are needed once, and a chunk is as
    large as that of an attack without hypotheses.
    """

    def __init__(
        self, model: nn.Module, shared: Shared, settings: AwareSettings, loss_factor: float
    ) -> None:
        self.settings = settings
        self.one = with_labels(Transformed, settings)(model, shared, settings, loss_factor)

    def start(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the hypotheses of the images, and what each of them starts from."""
        settings = self.settings
        sizes = list(Counter(one.member for one in self.one.known).values())
        chosen = assigned(sizes, settings.max_hypotheses, images, seed, restart)
        count, slots = chosen.shape
        each = {
            **self.one.start(images, seed, restart),
            "alive": torch.ones(count, dtype=torch.bool),
            "lived": torch.zeros(count, dtype=torch.int64),
            "curve": torch.full((count, len(settings.recorded)), torch.nan),
        }
        repeated = {
            PREFIX + name: tensor[:, None].repeat(1, slots, *[1] * (tensor.dim() - 1))
            for name, tensor in each.items()
        }
        return {"hypothesis": chosen, **repeated}

    def iterate(self, live: Live, iteration: int) -> None:
        """Do one iteration of every hypothesis that is left."""
        if iteration == self.settings.prune_after:
            self._rank(live)
        for slot in range(self._slots(live, iteration)):
            part = self._part(live, slot)
            before = dict(part)
            self.one.iterate(part, iteration)
            for name, tensor in part.items():
                if tensor is not before[name]:
                    before[name].copy_(tensor)

    def finish(self, live: Live) -> Tensor:
        """Return the lowest final cost without regularisation, NaN where all failed."""
        slots = range(self._slots(live, self.settings.iterations))
        costs = [self.one.finish(self._part(live, slot)) for slot in slots]
        cost, best = torch.stack(costs, 1).nan_to_num(torch.inf).min(1)
        live["best"] = best
        for name in ("alive", "lived", "curve"):
            live[name] = self._chosen(live)[name]
        return torch.where(torch.isfinite(cost), cost, torch.nan)

    def guess(self, live: Live) -> Tensor:
        """Return the images as the victims used them, of the best hypotheses."""
        return self.one.guess(self._chosen(live))

    def extras(self, live: Live) -> Live:
        """Return what the best hypotheses found, and ``hypothesis``, their (P,) numbers."""
        part = self._chosen(live)
        chosen = live["hypothesis"].gather(1, live["best"][:, None])[:, 0]
        return {**self.one.extras(part), "hypothesis": chosen}

    def _slots(self, live: Live, iteration: int) -> int:
        count, last = live["hypothesis"].shape[1], self.settings.prune_after
        pruned = last <= iteration and last < self.settings.iterations
        return min(count, self.settings.keep) if pruned else count

    def _rank(self, live: Live) -> None:
        """Bring the slots of every image into the order of their costs."""
        costs = []
        with torch.no_grad():
            for slot in range(live["hypothesis"].shape[1]):
                part = self._part(live, slot)
                cost = self.one.cost(self.one.variables(part))
                costs.append(torch.where(part["alive"], cost, torch.inf))
        order = torch.stack(costs, 1).nan_to_num(torch.inf).argsort(dim=1, stable=True)
        for name, tensor in live.items():
            if name == "hypothesis" or name.startswith(PREFIX):
                live[name] = _taken(tensor, order)

    def _part(self, live: Live, slot: int) -> Live:
        """Return views of the tensors of one slot, which is at work from now on."""
        self.one.assume(live["hypothesis"][:, slot])
        return {
            name.removeprefix(PREFIX): tensor[:, slot]
            for name, tensor in live.items()
            if name.startswith(PREFIX)
        }

    def _chosen(self, live: Live) -> Live:
        """Return the tensors of the best slots, which are at work from now on."""
        best = live["best"][:, None]
        self.one.assume(_taken(live["hypothesis"], best)[:, 0])
        return {
            name.removeprefix(PREFIX): _taken(tensor, best)[:, 0]
            for name, tensor in live.items()
            if name.startswith(PREFIX)
        }


def _taken(tensor: Tensor, slots: Tensor) -> Tensor:
    """Return the (P, k) ``slots`` of a tensor (P, H, ...)."""
    rows = torch.arange(len(tensor), device=tensor.device)
    return tensor[rows[:, None], slots]
