"""Training a private network together with the critic that its encoder has to deceive.

The method is that of Xiang et al. 2020: features a are hidden in x = exp(i theta)(a + i b), with an
angle for every sample; encoder, processing and decoder learn the task from what the right key
reveals, and the encoder learns that a wrong one reveals features that look as true
(:mod:`reveil.cvnn.adversary`). In which order they learn is a matter of :mod:`reveil.cvnn.loops`.
Without an adversary, every batch is one step on the task.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from reveil.cvnn import loops
from reveil.cvnn.contest import NO_CONTEST, OPTIMIZERS, Contest
from reveil.cvnn.counterparts import from_previous
from reveil.cvnn.hiding import Hiding
from reveil.cvnn.key_accuracy import CLEAN, RANDOM_KEY, RIGHT_KEY, WRONG_KEY, key_accuracies
from reveil.cvnn.layers import SharedDropout
from reveil.cvnn.loops import Plan
from reveil.cvnn.private import PrivateNetwork, build, build_critic
from reveil.cvnn.protections import Protection
from reveil.errors import ReveilError, not_allowed
from reveil.evaluation import Accuracy, task_loss
from reveil.optimizers import make_optimizer
from reveil.policies import parse
from reveil.precision import precision
from reveil.rng import stream_seed
from reveil.training_data import TrainingData, check
from reveil.training_run import TrainingRun

if TYPE_CHECKING:
    from reveil.job import State
    from reveil.views import View


@dataclass(frozen=True)
class TrainedPrivate:
    """A trained private network and how it came about.

    Attributes:
        network: in eval mode, on the device it was trained on.
        critic: its adversary, likewise, or None.
        history: a row per epoch: epoch, lr, train_loss and train_accuracy_pct (of the batches that
            taught the task), test_loss and test_accuracy_pct (with the right key),
            random_key_accuracy_pct, wrong_key_accuracy_pct, critic_real and critic_fake (mean
            E D(a) and E D(a') of the critic's steps), adversarial_gradient_norm (of the encoder's
            adversarial term, weight included, at the parameters of encoder and generator, measured
            at the first chance of the epoch), clipped_share (of the critic's weights, at the end),
            seconds. What a training does not have is not a number.
        evaluation: rows ``right_key``, ``random_key`` and ``wrong_key``, or ``clean`` for networks
            without a key, with measure, correct, n, accuracy_pct, in fp32.
        seconds: spent on the epochs, those of interrupted runs included.
    """

    network: PrivateNetwork
    critic: nn.Module | None
    history: list[dict[str, float]]
    evaluation: list[dict[str, Any]]
    seconds: float


def train_private(
    data: TrainingData,
    view: "View",
    protection: Protection,
    recipe: Mapping[str, Any],
    model_name: str,
    *,
    classes: int,
    seed: int,
    device: torch.device | str = "cpu",
    state: "State | None" = None,
    chunk: int | Literal["auto"] = "auto",
) -> TrainedPrivate:
    """Train a private network on ``data.indices`` and evaluate it on the test split.

    With a ``state`` the run continues where an interrupted one stopped and ends in the same
    weights, those of the critic included, on the CPU to the bit; clearing the state afterwards is
    the caller's.

    Args:
        data: its labels are classes, (N,), or attributes, bool (N, classes).
        protection: what is done to the features.
        recipe: resolved recipe, every key present, those of ``adversary`` too.
        model_name: see :mod:`reveil.cvnn.names`.
        seed: of initialisation, order, augmentation, partners, keys and noise.
        chunk: images transformed or tested at a time; it changes speed and memory only.

    Raises:
        ReveilError: a recipe that cannot be run on this data, a loss that is not finite, or an
            encoder that the adversary does not reach.
    """
    check(data, recipe, classes)
    _check(recipe, protection)
    run = _PrivateRun(
        protection, data, view, recipe, model_name, classes, seed, torch.device(device), chunk
    )
    run.train(state)
    evaluation = run.evaluation()
    for network in run.networks.values():
        network.to(memory_format=torch.contiguous_format).eval()
    seconds = sum(row["seconds"] for row in run.history)
    return TrainedPrivate(run.network, run.networks.get("critic"), run.history, evaluation, seconds)


class _PrivateRun(TrainingRun):
    """A training of a private network: sections, critic, and what a batch teaches them."""

    advice = "lower recipe.learning_rate or recipe.adversary.critic_learning_rate"

    def __init__(self, protection: Protection, data: TrainingData, view: "View", *rest: Any):
        self.protection = protection
        super().__init__(data, view, parse("none"), *rest)

    def build(self, classes: int) -> None:
        channels, size, _ = self.view.shape
        network = build(self.model_name, self.protection, channels, size, classes, self.seed)
        self.network: PrivateNetwork = self.place(network)
        self.hiding = Hiding(self.network, self.seed)
        self.drops = any(isinstance(m, nn.Dropout | SharedDropout) for m in network.modules())
        self.loop = loops.get(self.recipe["adversary"]["loop"])
        self.optimizer = make_optimizer(network.parameters(), self.recipe)
        self.networks, self.optimizers = {"model": network}, {"optimizer": self.optimizer}
        self.contest: Contest | None = None
        if self.protection.adversary != "none":
            critic = self.networks["critic"] = self.place(build_critic(network, self.seed))
            self.contest = Contest(self.hiding, critic, self.loop, self.recipe, self.extra)
            self.optimizers |= self.contest.optimizers

    @property
    def at(self) -> tuple[int, int]:
        """Epoch and step."""
        return self.epoch, self.step

    def take_step(self, pixels: Tensor, labels: Tensor) -> None:
        plan = Plan(task=True)
        if self.contest is not None:
            batch = self.epoch * self.steps + self.step
            plan = self.loop.plan(batch, self.recipe["adversary"])
        with self.dropout():
            with precision(self.recipe["precision"], self.device):
                with torch.set_grad_enabled(plan.task or plan.encoder):
                    features = self.network.encode(self.inputs(pixels))
                    others = self.hiding.counterparts(features, self.earlier(pixels), self.at)
                learned = self.learn(plan, features, others, labels)
            watched = learned.total
            if plan.critic:
                seen = features.detach(), others.detach()
                watched = watched + self.contest.teach(plan.critic, *seen, self.at)
        if plan.task:
            self.tally.add(learned.loss, learned.logits, labels, watched)
        else:
            self.tally.watch(watched)

    def learn(
        self, plan: Plan, features: Tensor, others: Tensor | None, labels: Tensor
    ) -> "_Learned":
        """Take the steps of encoder, processing and decoder that the plan has."""
        total = loss = torch.zeros((), device=self.device)
        logits = deceiving = None
        if plan.encoder:
            total = self.contest.encoder_term(features, others, self.at)
            if not self.loop.together:
                # Before the task's step changes the weights, so that one pass serves both.
                inputs = self.contest.encoder
                deceiving = torch.autograd.grad(total, inputs, retain_graph=plan.task)
                total = total.detach()
        if plan.task:
            logits = self.hiding.logits(features, others, self.at)
            loss = task_loss(logits, labels)
            total = total + self.recipe["loss_factor"] * loss
            self.optimizer.zero_grad()
            total.backward()
            self.optimizer.step(self.rate)
            if self.loop.together and self.loop.own_optimizer and plan.encoder:
                self.contest.step_encoder()
            logits = logits.detach()
        if deceiving is not None:
            self.contest.deceive(deceiving)
        return _Learned(total.detach(), loss.detach(), logits)

    def earlier(self, pixels: Tensor) -> Tensor | None:
        """Return what the encoder makes of the previous batch, where that is the counterpart.

        The code of Knijff et al. 2021 has no batch before the first one, and takes that itself.
        """
        if not (self.protection.rotates and self.protection.counterpart == "previous"):
            return None
        kept = self.extra.get("previous", pixels)
        self.extra["previous"] = pixels
        rows = from_previous(len(kept), len(pixels)).to(self.device)
        with torch.no_grad():
            return self.network.encode(self.inputs(kept[rows]))

    @contextmanager
    def dropout(self) -> Iterator[None]:
        """Draw dropout from the stream of the step, and leave the global random state alone."""
        if not self.drops:
            yield
            return
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(stream_seed(self.seed, "dropout", *self.at))
            yield

    def measure(self) -> dict[str, float]:
        tested = self.accuracies(self.recipe["precision"])
        own = tested.get(RIGHT_KEY) or tested[CLEAN]
        guessed, wrong = (
            tested[key].percent if key in tested else math.nan for key in (RANDOM_KEY, WRONG_KEY)
        )
        row = {
            "test_loss": own.loss,
            "test_accuracy_pct": own.percent,
            "random_key_accuracy_pct": guessed,
            "wrong_key_accuracy_pct": wrong,
            **(self.contest.columns() if self.contest else NO_CONTEST),
        }
        if self.contest is not None:
            self.contest.forget()
        return row

    def evaluation(self) -> list[dict[str, Any]]:
        """Return the accuracies on the test images in fp32."""
        return [
            {"measure": measure, "correct": a.correct, "n": a.n, "accuracy_pct": a.percent}
            for measure, a in self.accuracies("fp32").items()
        ]

    def accuracies(self, arithmetic: str) -> dict[str, Accuracy]:
        with precision(arithmetic, self.device):
            return key_accuracies(
                self.network,
                self.test_clean,
                self.test_labels,
                lambda pixels: self.view.normalise(pixels, split="test"),
                seed=self.seed,
                batch=self.recipe["batch_size"],
                chunk=self.eval_chunk,
            )


@dataclass(frozen=True)
class _Learned:
    """What a batch gave: the losses that were stepped on, the task's own, and its logits."""

    total: Tensor
    loss: Tensor
    logits: Tensor | None


def _check(recipe: Mapping[str, Any], protection: Protection) -> None:
    """Raise a ``ReveilError`` for what a private network cannot be trained with."""
    if recipe["defence"] != "none":
        raise ReveilError(
            f"recipe.defence: {recipe['defence']!r} is not allowed for private networks, whose "
            "features are protected and not their gradients; allowed: none"
        )
    settings = recipe["adversary"]
    loops.get(settings["loop"])
    if protection.adversary != "none" and settings["optimizer"] not in OPTIMIZERS:
        key = "recipe.adversary.optimizer"
        raise ReveilError(not_allowed(key, settings["optimizer"], OPTIMIZERS))
