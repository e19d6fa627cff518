"""Training a reconstruction from measurements: the run over its steps.

Steps, and not epochs, decide the end. A step of the recipe is ``critic_steps`` steps of D and
``generator_steps`` of G; the two that meet share a batch and what G made of it, and every other one
takes a new batch, so that a step uses up one batch less than both together. What a step does is in
:mod:`reveil.unir.game`.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from reveil.errors import ReveilError, not_allowed
from reveil.optimizers import pack, unpack
from reveil.precision import PRECISIONS, precision
from reveil.progress import Progress
from reveil.unir import variants
from reveil.unir.averaging import Average, reestimate
from reveil.unir.feed import Feed
from reveil.unir.game import Game, Hand, Values
from reveil.unir.history import LOSSES, in_order, means
from reveil.unir.networks import Reconstructor, Sampler
from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make
from reveil.unir.operators.measurements import Measurements
from reveil.unir.operators.settings import from_values
from reveil.unir.residual import Residual

if TYPE_CHECKING:
    from reveil.job import State

# Steps between two looks at the losses: each look makes the host wait for a GPU.
CHECK_EVERY = 50


@dataclass(frozen=True)
class TrainedReconstruction:
    """A trained generator and how it came about.

    Attributes:
        generator: with its last weights, in eval mode, on the device it was trained on.
        discriminator: likewise, or None for variants without one.
        averaged: G with averaged weights and batch-norm statistics that were estimated for them,
            likewise; None where the recipe's ``ema`` is 0.
        history: a row every ``log_every`` steps, and one for the rest: step (how many were taken),
            epoch (of the last batch, from 0), the columns of ``LOSSES``, residual, lr, seconds
            (since the last row). The terms of the loss are without their weights, and means over
            the steps since the last row, as d_real and d_fake are, means of sigmoid(D): on real
            ones, on fakes before D's step, and on fakes at G's. ``loss_likelihood`` is the error
            of hidden values for the variant ``splitting``. ``residual`` is the mean squared
            error of G's reconstructions of held-out measurements, measured again, at observed
            values. What a variant does not have is not a number.
        seconds: spent on the steps, those of interrupted runs included.
    """

    generator: Reconstructor | Sampler
    discriminator: nn.Module | None
    averaged: Reconstructor | Sampler | None
    history: list[dict[str, float]]
    seconds: float


def train_reconstruction(
    measurements: Measurements,
    operator: Operator,
    model: str,
    recipe: Mapping[str, Any],
    *,
    seed: int,
    device: torch.device | str = "cpu",
    state: "State | None" = None,
    held_out: Measurements | None = None,
) -> TrainedReconstruction:
    """Train ``model`` on measurements.

    With a ``state`` the run continues where an interrupted one stopped and ends in the same
    weights, on the CPU to the bit; clearing the state afterwards is the caller's. Clean images are
    looked at by the supervised variants alone.

    Args:
        operator: what made the measurements.
        model: see :mod:`reveil.unir.names`.
        recipe: resolved recipe, every key present, those of ``reconstruction`` too.
        seed: of initialisation, order, and what is simulated.
        held_out: measurements that G does not learn from, for the residual.

    Raises:
        ReveilError: a recipe that cannot be run on these measurements, or a loss that is not
            finite.
    """
    settings = recipe["reconstruction"]
    variants.check(settings, model, operator.settings)
    if recipe["precision"] not in PRECISIONS:
        raise ReveilError(not_allowed("recipe.precision", recipe["precision"], PRECISIONS))
    assumed = settings["assumed"]
    simulated = make(from_values("assumed", assumed), operator.shape) if assumed else operator
    game = Game(operator, simulated, model, recipe, seed, torch.device(device))
    feed = Feed(measurements, game.variant, recipe, seed)
    run = _Run(game, feed, recipe, model, held_out)
    run.train(state)
    networks = game.generator, game.discriminator, run.averaged()
    for network in networks:
        if network is not None:
            network.to(memory_format=torch.contiguous_format).eval()
    return TrainedReconstruction(*networks, run.history, sum(r["seconds"] for r in run.history))


class _Run:
    """The steps, their history, and the state that a resumed run goes on with."""

    def __init__(
        self,
        game: Game,
        feed: Feed,
        recipe: Mapping[str, Any],
        model: str,
        held_out: Measurements | None,
    ) -> None:
        self.game, self.feed, self.recipe, self.model = game, feed, recipe, model
        self.settings = recipe["reconstruction"]
        self.residual: Residual | None = None
        if held_out is not None and len(held_out) and not game.variant.samples:
            self.residual = Residual(held_out, game.operator, game.arrange)
        self.critic_steps = self.settings["critic_steps"] if game.discriminator else 0
        self.generator_steps = self.settings["generator_steps"]
        self.average: Average | None = None
        self.networks = {"generator": game.generator}
        if game.discriminator is not None:
            self.networks["discriminator"] = game.discriminator
        if self.settings["ema"]:
            self.average = Average(game.generator, self.settings["ema"])
            self.networks["averaged"] = self.average.network
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, float]] = []
        self.sums = self.no_sums()

    def no_sums(self) -> Tensor:
        """Return sums of no step, of ``LOSSES``."""
        return torch.zeros(len(LOSSES), dtype=torch.float64, device=self.game.device)

    @property
    def batches(self) -> int:
        """Batches that a step uses up."""
        return max(1, self.critic_steps + self.generator_steps - 1)

    def epoch(self, step: int) -> int:
        """Return the epoch of a step's first batch."""
        return self.feed.epoch(step * self.batches)

    def rate(self, step: int, base: float) -> float:
        """Return the learning rate of a step."""
        return base * self.recipe["gamma"] ** self.epoch(step)

    def train(self, state: "State | None") -> None:
        """Take all steps of the recipe."""
        if state is not None:
            self.restore(state)
        steps = self.settings["steps"]
        what = f"train {self.model}, {len(self.feed.measurements)} measurements"
        progress = Progress(what, steps, done=self.step)
        started = time.perf_counter() - self.seconds
        for network in self.networks.values():
            network.train()
        while self.step < steps:
            self.sums += in_order(self.take_step())
            self.step += 1
            progress.step()
            if self.step % CHECK_EVERY == 0:
                self.check_losses()
            if self.step % self.settings["log_every"] == 0 or self.step == steps:
                self.add_row(started)
                started = time.perf_counter()
            if state is not None and state.due():
                self.seconds = time.perf_counter() - started
                self.save(state)

    def take_step(self) -> Values:
        """Let D and G learn in the recipe's order; return the means of what they saw."""
        first = self.step * self.batches
        critic, own = self.critic_steps, self.generator_steps
        rate = self.rate(self.step, self.recipe["learning_rate"])
        critic_rate = self.rate(self.step, self.settings["critic_learning_rate"])
        seen: list[Values] = []
        if not critic or self.settings["order"] == "generator-first":
            for k in range(own):
                hand = self.deal(first + k, learns=True)
                seen.append(self.game.learn(hand, rate))
            for k in range(critic):
                hand = hand if k == 0 else self.deal(first + own - 1 + k, learns=False)
                seen.append(self.game.teach(hand, critic_rate))
        else:
            for k in range(critic):
                hand = self.deal(first + k, learns=k == critic - 1)
                seen.append(self.game.teach(hand, critic_rate))
            for k in range(own):
                hand = hand if k == 0 else self.deal(first + critic - 1 + k, learns=True)
                seen.append(self.game.learn(hand, rate))
        if self.average is not None:
            self.average.update(self.game.generator, self.step)
        return means(seen)

    def deal(self, batch: int, *, learns: bool) -> Hand:
        """Return what G makes of a batch."""
        data = self.feed.data(batch, self.game.arrange)
        return self.game.deal(batch, data, learns=learns)

    def check_losses(self) -> None:
        """Raise a ``ReveilError`` if a loss since the last row is not finite."""
        sums = dict(zip(LOSSES, self.sums.tolist(), strict=True))
        wanted = ("loss_d", "loss_g") if self.critic_steps else ("loss_g",)
        if bad := [name for name in wanted if not math.isfinite(sums[name])]:
            rate = self.rate(self.step - 1, self.recipe["learning_rate"])
            raise ReveilError(
                f"training of {self.model} diverged: {' and '.join(bad)} not finite by step "
                f"{self.step} of {self.settings['steps']}, learning rate {rate:g}; lower "
                "recipe.learning_rate or recipe.reconstruction.critic_learning_rate"
            )

    def add_row(self, started: float) -> None:
        """Add a row to the history."""
        self.check_losses()
        taken, last = self.step - (self.history[-1]["step"] if self.history else 0), self.step - 1
        row = {
            "step": self.step,
            "epoch": self.epoch(last),
            **dict(zip(LOSSES, (self.sums / taken).tolist(), strict=True)),
            "residual": self.measure(),
            "lr": self.rate(last, self.recipe["learning_rate"]),
            "seconds": time.perf_counter() - started,
        }
        self.history.append(row)
        self.sums, self.seconds = self.no_sums(), 0.0

    def measure(self) -> float:
        """Return the residual of held-out measurements."""
        if self.residual is None:
            return math.nan
        self.game.generator.eval()
        residual = self.residual(self.game.tested, self.recipe["batch_size"])
        self.game.generator.train()
        return residual

    def averaged(self) -> nn.Module | None:
        """Return G with averaged weights and statistics that fit them."""
        if self.average is None:
            return None
        network, game = self.average.network, self.game
        with precision(self.recipe["precision"], game.device):
            reestimate(network, self.inputs())
        return network

    def inputs(self) -> Iterator[Tensor]:
        """Yield what batch-norm statistics are estimated on: whole batches, one at least."""
        size, game = self.feed.batch, self.game
        wanted = min(self.settings["ema_images"], len(self.feed.measurements))
        for start in range(0, max(1, wanted // size) * size, size):
            if isinstance(game.generator, Sampler):
                z = game.generator.latent(size, game.stream("average's latent", start))
                yield z.to(game.device)
            else:
                yield game.arrange(self.feed.measurements.y(range(start, start + size)))

    def save(self, state: "State") -> None:
        """Write the resume state, unless a loss went wrong."""
        self.check_losses()
        tensors = pack(self.networks, self.game.optimizers) | {"sums": self.sums}
        facts = {"step": self.step, "seconds": self.seconds, "history": self.history}
        state.save(tensors, facts)

    def restore(self, state: "State") -> None:
        """Go on from a resume state, if there is one."""
        if (loaded := state.load()) is None:
            return
        tensors, facts = loaded
        unpack(tensors, self.networks, self.game.optimizers)
        self.sums = tensors["sums"].to(self.game.device)
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.history = facts["history"]
