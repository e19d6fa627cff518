"""The matching of gradients through a policy: the attacker's image meets what the victim's met."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reveil.attacks.hypotheses import LEARNED, AwareSettings, Hypothesis, hypotheses
from reveil.attacks.moves import apply, shift
from reveil.attacks.optimise import Matching
from reveil.attacks.run import Live
from reveil.plugins import told, transforming
from reveil.policies import MAX_LENGTH
from reveil.scene import Shared


class Transformed(Matching):
    """Descent on images that go through the policy, one hypothesis for each.

    It is at work on one slot of :class:`reveil.attacks.aware.Hypotheses` at a time: ``assume`` says
    which hypotheses those are.
    """

    settings: AwareSettings

    def __init__(
        self, model: nn.Module, shared: Shared, settings: AwareSettings, loss_factor: float
    ) -> None:
        super().__init__(model, shared, settings, loss_factor)
        self.augment = shared.augment or "none"
        cropped = "crop_flip" in self.augment
        self.limit = 2 * shared.crop_shift / shared.shape[-1] if cropped else 0.0
        self.known = hypotheses(shared.policy, self.augment, tuple(shared.shape), settings.factors)
        self.learned = any(LEARNED in hypothesis.signs for hypothesis in self.known)
        self.groups: list[tuple[Hypothesis, Tensor]] = []

    def assume(self, chosen: Tensor) -> None:
        """Set the (P,) hypotheses of the images."""
        chosen = chosen.cpu()
        device = self.low.device
        self.groups = [
            (self.known[index], (chosen == index).nonzero()[:, 0].to(device))
            for index in chosen.unique().tolist()
        ]

    def begin(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the images, the crop's shift where there is one, and signs to learn.

        The shift is in units of the largest: a step of the optimiser is then a fraction of a pixel,
        where 0.1 half widths are 1.6.
        """
        variables = super().begin(images, seed, restart)
        x = variables["x"]
        if self.limit:
            variables["shift"] = x.new_zeros(len(x), 2)
        if self.learned:
            variables["signs"] = x.new_zeros(len(x), MAX_LENGTH)
        return variables

    def limited(self, name: str, variable: Tensor) -> Tensor:
        """Return a variable within what is allowed for it."""
        if name in ("shift", "signs"):
            return variable.clamp(-1, 1)
        return super().limited(name, variable)

    def seen(self, variables: Live) -> Tensor:
        """Return the images after crop and policy, each by its hypothesis."""
        x = variables["x"]
        if self.limit:
            x = shift(x, self.limit * variables["shift"], self.low)
        values = (x - self.low) / (self.high - self.low)
        parts = [
            self._applied(values[rows], hypothesis, self._signs(hypothesis, variables, rows))
            for hypothesis, rows in self.groups
        ]
        order = torch.cat([rows for _, rows in self.groups]).argsort()
        return self.low + torch.cat(parts)[order] * (self.high - self.low)

    def guess(self, live: Live) -> Tensor:
        """Return the images as the victims used them."""
        return self.seen(live)

    def extras(self, live: Live) -> Live:
        """Return further results.

        Returns:
            t: (P, 2) the crop's shift (t_x, t_y) in half widths; positive moves content left and
                up.
            x_unshifted: (P, C, H, W) the images before crop and policy, normalised.
            member: (P,) int64 of the hybrid.
            signs: (P, 3) float32, drawn or learned, of each slot; 0 where there is none, as of a
                plug-in.
        """
        x = live["x"]
        signs, member = x.new_zeros(len(x), MAX_LENGTH), live["alive"].new_zeros(len(x)).long()
        for hypothesis, rows in self.groups:
            member[rows] = hypothesis.member
            for slot, sign in enumerate(self._signs(hypothesis, live, rows)):
                signs[rows, slot] = torch.as_tensor(sign).to(signs)
        return {
            **super().extras(live),
            "t": self.limit * live["shift"] if self.limit else x.new_zeros(len(x), 2),
            "x_unshifted": x,
            "member": member,
            "signs": signs.float(),
        }

    def _applied(
        self, values: Tensor, hypothesis: Hypothesis, signs: Sequence[int | Tensor]
    ) -> Tensor:
        operations = hypothesis.operations
        if operations and isinstance(operations[0], str):
            return told.seen(transforming.find(operations[0]), values, hypothesis.draw)
        return apply(values, operations, signs)

    def _signs(self, hypothesis: Hypothesis, variables: Live, rows: Tensor) -> list[int | Tensor]:
        return [
            variables["signs"][rows, slot] if sign == LEARNED else sign
            for slot, sign in enumerate(hypothesis.signs)
        ]
