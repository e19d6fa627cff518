"""One step of training a reconstruction: what generator and discriminator see, and learn from it.

The algorithm is that of Pajot et al. 2019: D learns to tell measurements y from y_hat =
F(G(y); theta') + eps', with a new theta' that is independent of the one behind y; G learns to
deceive it, and to explain y_hat with the same theta'. The variants exchange what D compares, and
the second term (:mod:`reveil.unir.variants`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reveil.adversarial import frozen, gradient_penalty
from reveil.optimizers import Optimizer, make_optimizer
from reveil.precision import memory_format, precision
from reveil.rng import generator as stream
from reveil.unir import losses, splitting, variants
from reveil.unir.averaging import untracked
from reveil.unir.feed import Data
from reveil.unir.networks import Reconstructor, Sampler, build, build_discriminator
from reveil.unir.operators.base import Operator
from reveil.unir.variants import (
    CLEAN,
    HIDDEN,
    LIKELIHOOD,
    OTHER_CLEAN,
    PAIR,
    REMEASURED,
    REPEATED,
    RESTORED,
    SUPERVISED,
)

Values = dict[str, Tensor]


@dataclass(frozen=True)
class Hand:
    """What G made of a batch.

    Attributes:
        batch: its number, which names the random streams.
        data: what it was given.
        x_hat: (B, C, H, W), with its gradient to G.
        divergence: (B,) of a variational generator, or None.
        hidden: observed values that were hidden from G, (B, C or 1, H, W), or None.
        z: noise of a sampler, or None.
        theta: theta' on the device, or None where nothing is measured again.
        y_hat: F(x_hat; theta') + eps', likewise.
    """

    batch: int
    data: Data
    x_hat: Tensor
    divergence: Tensor | None
    hidden: Tensor | None
    z: Tensor | None
    theta: Tensor | None
    y_hat: Tensor | None


class Game:
    """Generator and discriminator, and the two kinds of steps.

    Args:
        operator: what made the measurements.
        simulated: what is simulated in training; the same unless the operator is mistaken.
        model: see :mod:`reveil.unir.names`.
        recipe: resolved recipe, every key present.
        seed: of initialisation and all draws.
        device: where to compute.

    Attributes:
        variant: what is compared and asked for.
        discriminator: None where the variant has none.
        optimizers: by name, of both.
    """

    def __init__(
        self,
        operator: Operator,
        simulated: Operator,
        model: str,
        recipe: Mapping[str, Any],
        seed: int,
        device: torch.device,
    ) -> None:
        self.operator, self.simulated, self.seed, self.device = operator, simulated, seed, device
        self.settings, self.arithmetic = recipe["reconstruction"], recipe["precision"]
        self.variant = variants.get(self.settings["variant"])
        self.loss = losses.gan_loss(self.settings["gan_loss"], self.variant.sigmoid)
        self.layout = memory_format(self.arithmetic, device)
        channels, size, _ = operator.shape
        self.generator: Reconstructor | Sampler = self.place(
            build(model, channels, size, self.settings, seed)
        )
        self.optimizers = {"generator_optimizer": self._optimizer(self.generator)}
        self.discriminator: nn.Module | None = None
        if self.variant.real is not None:
            measured = self.variant.fake in (REMEASURED, PAIR)
            shape = operator.output_shape if measured else operator.shape
            paired = self.variant.real == PAIR
            self.discriminator = self.place(
                build_discriminator(model, channels, size, self.settings, seed, shape, paired)
            )
            self.optimizers["discriminator_optimizer"] = self._optimizer(self.discriminator)

    def place(self, network: nn.Module) -> nn.Module:
        """Return a new network on the device, laid out in memory as its images are."""
        return network.to(self.device, memory_format=self.layout)

    def arrange(self, batch: Tensor) -> Tensor:
        """Return a batch on the device, laid out in memory as the networks are."""
        batch = batch.to(self.device)
        return batch.contiguous(memory_format=self.layout) if batch.dim() == 4 else batch

    def deal(self, batch: int, data: Data, *, learns: bool) -> Hand:
        """Let G make its images of a batch, and measure them where the variant does.

        Args:
            learns: whether G's gradient is kept.
        """
        n = len(data.y)
        hidden = z = divergence = theta = y_hat = None
        with torch.set_grad_enabled(learns):
            if isinstance(self.generator, Sampler):
                z = self.generator.latent(n, self.stream("latent", batch)).to(self.device)
                x_hat = self.sampled(z)
            else:
                y = data.y
                if self.variant.term == HIDDEN:
                    fill, source = self.operator.settings.fill, self.stream("splitting", batch)
                    y, hidden = splitting.split(y, self.operator.observed(y), fill, source)
                x_hat, divergence = self.reconstructed("noise", batch, y)
            if self.variant.simulates:
                theta = self.simulated.sample_theta(n, self.stream("simulated", batch))
                theta = theta.to(self.device)
                y_hat = self.simulated.apply(x_hat, theta)
        return Hand(batch, data, x_hat, divergence, hidden, z, theta, y_hat)

    def teach(self, hand: Hand, rate: float) -> Values:
        """Let D take a step; no gradient reaches G.

        Returns:
            loss_d, d_real and d_fake_before, (), without gradient.
        """
        real, fake = self.real(hand).detach(), self.fake(hand).detach()
        with self.backward("discriminator_optimizer"):
            # One after the other, so that each has its own batch statistics.
            of_real, of_fake = self.judged(real), self.judged(fake)
            loss = self.loss.discriminator(of_real, of_fake)
            if self.loss.penalised:
                shares = torch.rand(len(real), generator=self.stream("interpolates", hand.batch))
                penalty = gradient_penalty(self.judged, real, fake, shares)
                loss = loss + self.settings["penalty"] * penalty
            loss.backward()
        self.optimizers["discriminator_optimizer"].step(rate)
        seen = {"d_real": of_real.sigmoid().mean(), "d_fake_before": of_fake.sigmoid().mean()}
        return detached({"loss_d": loss, **seen})

    def learn(self, hand: Hand, rate: float) -> Values:
        """Let G take a step; D's weights get no gradient.

        Returns:
            loss_g, its terms without their weights, d_fake_at and grad_norm_g, (), without
            gradient.
        """
        seen: Values = {}
        optimizer = self.optimizers["generator_optimizer"]
        with self.backward("generator_optimizer"):
            total = torch.zeros((), device=self.device)
            if self.discriminator is not None:
                with frozen(self.discriminator):
                    logits = self.judged(self.fake(hand))
                seen["loss_adversarial"] = total = self.loss.generator(logits)
                seen["d_fake_at"] = logits.sigmoid().mean()
            total = total + self.term(hand, seen)
            if hand.divergence is not None:
                seen["loss_kl"] = hand.divergence.float().mean()
                total = total + self.settings["kl_weight"] * seen["loss_kl"]
            total.backward()
        gradients = [p.grad for p in optimizer.parameters]
        seen |= {"loss_g": total, "grad_norm_g": torch.nn.utils.get_total_norm(gradients)}
        optimizer.step(rate)
        if self.variant.term == REPEATED:
            # As Guo et al. 2020 do: no gradient comes from it.
            seen["loss_g"] = total + self.settings["weight"] * seen["loss_likelihood"]
        return detached(seen)

    def real(self, hand: Hand) -> Tensor:
        """Return what D takes for real."""
        data = hand.data
        return {
            CLEAN: lambda: data.clean,
            OTHER_CLEAN: lambda: data.others,
            RESTORED: lambda: data.restored,
            PAIR: lambda: torch.cat([data.y, data.clean], dim=1),
        }.get(self.variant.real, lambda: data.y)()

    def fake(self, hand: Hand) -> Tensor:
        """Return what D takes for fake."""
        if self.variant.fake == REMEASURED:
            return hand.y_hat
        if self.variant.fake == PAIR:
            return torch.cat([hand.data.y, hand.x_hat], dim=1)
        return hand.x_hat

    def term(self, hand: Hand, seen: Values) -> Tensor | float:
        """Return what G minimises besides, times its weight, and put it among what is ``seen``."""
        term, settings = self.variant.term, self.settings
        # Without a D it is the whole loss.
        weight = 1.0 if self.discriminator is None else settings["weight"]
        if term == SUPERVISED:
            seen["loss_supervised"] = losses.squared_error(hand.x_hat, hand.data.clean)
            return weight * seen["loss_supervised"]
        if term == HIDDEN:
            values = self.operator.observed_values(hand.data.y)
            error = splitting.hidden_error(hand.x_hat, values, hand.hidden)
            seen["loss_likelihood"] = error
            return weight * error
        if term == REPEATED:
            with torch.no_grad(), untracked(self.generator):
                again = self.sampled(hand.z)
            seen["loss_likelihood"] = losses.squared_error(hand.x_hat.detach(), again)
        elif term == LIKELIHOOD and weight:
            seen["loss_likelihood"] = losses.likelihood(
                lambda y_hat: self.again(hand.batch, y_hat),
                self.simulated,
                hand.y_hat,
                hand.theta,
                detach=settings["lik_detach"],
                share_noise=settings["lik_share_noise"],
                reduction=settings["reduction"],
            )
            return weight * seen["loss_likelihood"]
        return 0.0

    def again(self, batch: int, y_hat: Tensor) -> Tensor:
        """Return G(y_hat), the second reconstruction of a step."""
        with untracked(self.generator):
            return self.reconstructed("second noise", batch, y_hat)[0]

    def reconstructed(self, purpose: str, batch: int, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return (x_hat, divergence) as G has them in training."""
        noise = self.generator.noise(len(y), self.stream(purpose, batch))
        with precision(self.arithmetic, self.device):
            x, divergence = self.generator.learn(y, None if noise is None else noise.to(y))
        return x.float(), divergence

    def tested(self, y: Tensor) -> Tensor:
        """Return the reconstructions of measurements, in the mode that G is in."""
        with precision(self.arithmetic, self.device):
            return self.generator(y).float()

    def sampled(self, z: Tensor) -> Tensor:
        """Return the images that G makes of noise."""
        with precision(self.arithmetic, self.device):
            return self.generator(z).float()

    def judged(self, x: Tensor) -> Tensor:
        """Return D's logits."""
        with precision(self.arithmetic, self.device):
            return self.discriminator(x).float()

    def stream(self, purpose: str, batch: int) -> torch.Generator:
        """Return the random stream of a purpose for a batch."""
        return stream(self.seed, f"reconstruction {purpose}", batch)

    @contextmanager
    def backward(self, name: str) -> Iterator[None]:
        """Start from no gradient, and compute all but the networks in single precision.

        The block ends before the optimizer's step, as autocast keeps copies of the weights.
        """
        self.optimizers[name].zero_grad()
        with precision("tf32" if self.arithmetic == "tf32" else "fp32", self.device):
            yield

    def _optimizer(self, network: nn.Module) -> Optimizer:
        betas = {key: self.settings[key] for key in ("beta1", "beta2")}
        return make_optimizer(
            network.parameters(), {"optimizer": "adam", "weight_decay": 0.0, **betas}
        )


def detached(values: Values) -> Values:
    """Return values without their gradient."""
    return {name: value.detach() for name, value in values.items()}
