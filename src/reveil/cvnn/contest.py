"""The contest of an encoder and its critic while a private network is trained."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reveil.adversarial import frozen, gradient_penalty
from reveil.cvnn import adversary
from reveil.cvnn.hiding import At, Hiding
from reveil.cvnn.loops import Loop
from reveil.errors import ReveilError
from reveil.optimizers import Optimizer, make_optimizer
from reveil.precision import precision

OPTIMIZERS = ("adam", "rmsprop")


class Contest:
    """A critic, what it and the encoder learn from a batch, and what is logged of it.

    Args:
        hiding: of the network's features.
        critic: on the network's device.
        loop: in which order they learn.
        recipe: its ``adversary`` and ``precision``.
        kept: where the sums of the epoch are kept, which a resumed run goes on with: ``scores``,
            (3,) E D(a), E D(a') and steps of the critic, and ``gradient_norm``, not a number
            before it is measured.

    Attributes:
        encoder: parameters of encoder and generator.
        optimizers: of the critic, and of the encoder where the loop has one; their weight decay is
            0.
    """

    def __init__(
        self,
        hiding: Hiding,
        critic: nn.Module,
        loop: Loop,
        recipe: Mapping[str, Any],
        kept: dict[str, Tensor],
    ) -> None:
        self.hiding, self.critic, self.loop, self.kept = hiding, critic, loop, kept
        self.settings, self.arithmetic = recipe["adversary"], recipe["precision"]
        self.protection = hiding.protection
        network = hiding.network
        self.encoder = [*network.encoder.parameters(), *network.generator.parameters()]
        self.optimizers = {"critic_optimizer": self._optimizer([*critic.parameters()])}
        if loop.own_optimizer:
            self.optimizers["encoder_optimizer"] = self._optimizer(self.encoder)
        self.forget()

    def forget(self) -> None:
        """Start the sums of an epoch."""
        device = self.encoder[0].device
        self.kept["scores"] = torch.zeros(3, dtype=torch.float64, device=device)
        self.kept["gradient_norm"] = torch.tensor(math.nan, dtype=torch.float64)

    def encoder_term(self, features: Tensor, others: Tensor, at: At) -> Tensor:
        """Return what the encoder minimises, times its weight, and measure its gradient.

        It is E D(a) - E D(a'), and -E D(a') where the loop detaches the features.
        """
        fake = self.hiding.fakes(features, others, self.hiding.stream("encoder's angles", at))
        with frozen(self.critic):
            if self.loop.detached:
                term = -self.critic(fake.detach()).float().mean()
            else:
                real, fake = adversary.scores(self.critic, features, fake)
                term = real - fake
        term = self.settings["weight"] * term
        self.measure_gradient(term, at)
        return term

    def deceive(self, gradients: tuple[Tensor, ...]) -> None:
        """Take a step of the encoder's own optimizer."""
        for parameter, gradient in zip(self.encoder, gradients, strict=True):
            parameter.grad = gradient
        self.step_encoder()

    def step_encoder(self) -> None:
        """Let the encoder's own optimizer step on the gradients that are there."""
        self.optimizers["encoder_optimizer"].step(self.settings["learning_rate"])

    def teach(self, steps: int, features: Tensor, others: Tensor, at: At) -> Tensor:
        """Take steps of the critic on one batch of features, with false angles of each step.

        Args:
            features, others: (B, c, h, w), without gradient.

        Returns:
            (), the sum of its losses.
        """
        settings, device = self.settings, features.device
        source, shares = (self.hiding.stream(p, at) for p in ("false angles", "interpolates"))
        total = torch.zeros((), device=device)
        for _ in range(steps):
            # A block for each step: autocast keeps copies of the weights until its end.
            with precision(self.arithmetic, device):
                fakes = self.hiding.fakes(features, others, source)
                real, fake = adversary.scores(self.critic, features, fakes)
                loss = self.loop.critic_sign * (fake - real)
                if not self.loop.reaches:
                    self.measure_gradient(settings["weight"] * (real - fake), at)
                if self.protection.adversary == "wgan-gp":
                    u = torch.rand(len(features), generator=shares).to(device)
                    one = fakes[: len(features)]
                    penalty = gradient_penalty(self.critic, features, one, u)
                    loss = loss + settings["penalty"] * penalty
                self.optimizers["critic_optimizer"].zero_grad()
                loss.backward()
            self.optimizers["critic_optimizer"].step(settings["critic_learning_rate"])
            if self.protection.adversary == "wgan-clip":
                adversary.clip(self.critic, settings["clip"])
            seen = torch.stack([real.detach(), fake.detach(), torch.ones_like(fake)]).double()
            self.kept["scores"] = self.kept["scores"] + seen
            total = total + loss.detach()
        return total

    def measure_gradient(self, term: Tensor, at: At) -> None:
        """Measure the norm of a term's gradient at encoder and generator, once an epoch.

        Raises:
            ReveilError: it is zero or not finite in a loop where the adversary trains the encoder.
        """
        if not self.kept["gradient_norm"].isnan():
            return
        norm = adversary.gradient_norm(term, self.encoder)
        self.kept["gradient_norm"] = torch.tensor(norm, dtype=torch.float64)
        if self.loop.reaches and not (norm > 0 and math.isfinite(norm)):
            raise ReveilError(
                f"protection {self.protection.name!r}: the gradient of the adversarial term at "
                f"the encoder of {self.hiding.network.model} has norm {norm:g} in epoch "
                f"{at[0] + 1}, where the loop {self.settings['loop']!r} trains the encoder by it; "
                "check that features reach the critic with their gradient, that the critic is not "
                "constant (recipe.adversary: clip, critic_learning_rate), and that no loss "
                "overflowed (recipe.learning_rate)"
            )

    def columns(self) -> dict[str, float]:
        """Return what an epoch's row says of the contest."""
        real, fake, steps = self.kept["scores"].tolist()
        limit = self.settings["clip"] if self.protection.adversary == "wgan-clip" else None
        return {
            "critic_real": real / steps if steps else math.nan,
            "critic_fake": fake / steps if steps else math.nan,
            "adversarial_gradient_norm": float(self.kept["gradient_norm"]),
            "clipped_share": adversary.clipped_share(self.critic, limit) if limit else math.nan,
        }

    def _optimizer(self, parameters: list[nn.Parameter]) -> Optimizer:
        settings = {**self.settings, "weight_decay": 0.0}
        return make_optimizer(parameters, settings, "recipe.adversary.optimizer", OPTIMIZERS)


NO_CONTEST = dict.fromkeys(
    ("critic_real", "critic_fake", "adversarial_gradient_norm", "clipped_share"), math.nan
)
