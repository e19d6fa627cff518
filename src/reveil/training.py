"""Training a network under a recipe, with the transformations a victim would apply.

The protocol is that of Gao et al. 2021 (their code) with the switches of Drabent et al. 2022 and
Warmerdam et al. 2022: SGD with Nesterov momentum or Adam, the rate lowered tenfold at 3/8, 5/8 and
7/8 of the epochs, cross-entropy with an optional factor, random crop and flip. A defence changes
the gradient of every mini-batch before the optimizer, its weight decay and momentum, see it.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reveil import defence_names, defences
from reveil.errors import ReveilError
from reveil.evaluation import Accuracy, evaluate
from reveil.models import build
from reveil.optimizers import make_optimizer, pack, unpack
from reveil.precision import memory_format, precision
from reveil.progress import Progress
from reveil.rng import generator
from reveil.schedule import decayed, milestones, steps_per_epoch
from reveil.tally import Tally
from reveil.training_data import TrainingData, augmentation, check

if TYPE_CHECKING:
    from reveil.job import State
    from reveil.policies import Policy
    from reveil.views import View

# Images transformed at a time; a piece is some batches, made before the first of them is needed.
AUTO_CHUNK = {"cpu": 2048, "cuda": 16384}
# Steps between two looks at the losses: each look makes the host wait for a GPU.
CHECK_EVERY = 50


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about.

    Attributes:
        model: in eval mode, on the device it was trained on.
        history: a row per epoch: epoch, lr, train_loss, train_accuracy_pct (of the batches, while
            the weights change), test_loss, test_accuracy_pct (clean test images), seconds. Losses
            are mean cross-entropies without the recipe's factor. The last row is of a part of an
            epoch where the recipe stops there; without a step it has no training loss (NaN).
        evaluation: rows ``clean`` and ``transformed`` with measure, correct, n, accuracy_pct.
        seconds: spent on the epochs, those of interrupted runs included.
    """

    model: nn.Module
    history: list[dict[str, float]]
    evaluation: list[dict[str, Any]]
    seconds: float


def train(
    data: TrainingData,
    view: "View",
    policy: "Policy",
    recipe: Mapping[str, Any],
    model_name: str,
    *,
    classes: int,
    seed: int,
    device: torch.device | str = "cpu",
    state: "State | None" = None,
    chunk: int | Literal["auto"] = "auto",
) -> Trained:
    """Train ``model_name`` on ``data.indices`` and evaluate it on the test split.

    With a ``state`` the run continues where an interrupted one stopped and ends in the same
    weights, on the CPU to the bit; clearing the state afterwards is the caller's.

    Args:
        policy: what the images go through after crop and flip; only its members are used.
        recipe: resolved recipe, every key present.
        seed: of initialisation, order and augmentation.
        chunk: images transformed or tested at a time; it changes speed and memory only.

    Raises:
        ReveilError: a recipe that cannot be run on this data, or a loss that is not finite.
    """
    check(data, recipe, classes)
    run = _Run(data, view, policy, recipe, model_name, classes, seed, torch.device(device), chunk)
    run.train(state)
    evaluation = run.evaluation()
    model = run.model.to(memory_format=torch.contiguous_format).eval()
    return Trained(model, run.history, evaluation, sum(row["seconds"] for row in run.history))


class _Run:
    """One training run: what :func:`train` keeps between its steps."""

    def __init__(
        self,
        data: TrainingData,
        view: "View",
        policy: "Policy",
        recipe: Mapping[str, Any],
        model_name: str,
        classes: int,
        seed: int,
        device: torch.device,
        chunk: int | Literal["auto"],
    ) -> None:
        self.view, self.policy, self.recipe, self.seed = view, policy, recipe, seed
        self.device, self.model_name = device, model_name
        self.eval_chunk = None if chunk == "auto" else max(1, chunk)
        self.chunk = self.eval_chunk or AUTO_CHUNK.get(device.type, AUTO_CHUNK["cpu"])

        self.rows = torch.as_tensor(data.indices, dtype=torch.int64)
        self.train_count = len(data.images)
        self.images = torch.from_numpy(data.images[data.indices]).to(device)
        self.labels = torch.from_numpy(data.labels[data.indices]).to(device, torch.int64)
        self.test_images = torch.from_numpy(np.array(data.test_images)).to(device)
        self.test_labels = torch.from_numpy(np.array(data.test_labels)).to(device, torch.int64)
        self.test_clean = self.in_pieces(lambda piece: view.evaluate(self.test_images[piece]))

        channels, size, _ = view.shape
        self.layout = memory_format(recipe["precision"], device)
        self.model = build(model_name, channels, size, classes, seed)
        self.model.to(device, memory_format=self.layout)
        self.optimizer = make_optimizer(self.model.parameters(), recipe)
        self.milestones = milestones(recipe["epochs"], recipe["milestones"])

        self.defence = defence_names.parse(recipe["defence"])
        self.steps = steps_per_epoch(len(self.rows), recipe["batch_size"], recipe["drop_last"])
        planned, stop = recipe["epochs"] * self.steps, recipe["stop_after"]
        self.last = planned if stop is None else stop
        self.epoch = self.step = 0
        self.tally = Tally.on(self.device)
        self.history: list[dict[str, float]] = []

    def train(self, state: "State | None") -> None:
        if state is not None:
            self.restore(state)
        progress = Progress(
            f"train {self.model_name}, {len(self.rows)} images",
            self.last,
            done=self.epoch * self.steps + self.step,
        )
        # A training of no step at all is one epoch of none, for the test of its network.
        while self.epoch == 0 or self.epoch * self.steps < self.last:
            self.run_epoch(state, progress)

    @property
    def rate(self) -> float:
        """Learning rate of the current epoch."""
        base, gamma = self.recipe["learning_rate"], self.recipe["gamma"]
        return decayed(base, gamma, self.milestones, self.epoch)

    def run_epoch(self, state: "State | None", progress: Progress) -> None:
        """Take the remaining steps of the epoch, test, and add a row to the history."""
        started = time.perf_counter() - self.tally.seconds
        note = f"epoch {self.epoch + 1} of {self.recipe['epochs']}"
        self.model.train()
        for pixels, labels in self.batches():
            self.take_step(pixels, labels)
            self.step += 1
            progress.step(note=note)
            if len(self.tally.unchecked) >= CHECK_EVERY:
                self.check_losses()
            if state is not None and state.due():
                self.tally.seconds = time.perf_counter() - started
                self.save(state)
        self.check_losses()
        self.finish_epoch(started)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (uint8 images, labels) for the remaining steps, transformed in larger pieces."""
        batch = self.recipe["batch_size"]
        order = generator(self.seed, "order", self.epoch)
        draws = self.view.draw_epoch(
            self.policy,
            self.train_count,
            self.seed,
            self.epoch,
            augmentation(self.recipe, self.policy),
        )
        shuffled = torch.randperm(len(self.rows), generator=order)
        # Whole batches, and no piece at all when a resumed epoch has no step left.
        steps = min(self.steps, self.last - self.epoch * self.steps)
        size, end = max(1, self.chunk // batch) * batch, steps * batch
        for start in range(self.step * batch, end, size):
            piece = shuffled[start : min(start + size, end)]
            there = piece.to(self.device)
            pixels = self.view.victim(self.images[there], draws[self.rows[piece]], self.policy)
            yield from zip(pixels.split(batch), self.labels[there].split(batch), strict=True)

    def take_step(self, pixels: Tensor, labels: Tensor) -> None:
        inputs = self.view.normalise(pixels, split="train").contiguous(memory_format=self.layout)
        self.optimizer.zero_grad()
        with precision(self.recipe["precision"], self.device):
            logits = self.model(inputs)
            loss = cross_entropy(logits.float(), labels)
            (self.recipe["loss_factor"] * loss).backward()
        self.defend()
        self.optimizer.step(self.rate)
        self.tally.add(loss.detach(), logits.detach(), labels)

    def defend(self) -> None:
        """Change the gradients as the recipe's defence does; noise is the stream of the step."""
        if self.defence.kind == defence_names.NONE:
            return
        parameters = self.optimizer.parameters
        gradients = [p.grad[None] for p in parameters]
        stream = [(self.epoch, self.step)]
        defended = defences.apply(self.defence, gradients, stream, self.seed, "training defence")
        for parameter, gradient in zip(parameters, defended, strict=True):
            parameter.grad = gradient[0]

    def check_losses(self) -> None:
        """Raise a ``ReveilError`` for the first loss since the last check that is not finite."""
        if ago := self.tally.first_bad_step():
            raise ReveilError(
                f"training of {self.model_name} diverged: the loss is not finite in epoch "
                f"{self.epoch + 1} of {self.recipe['epochs']}, step {self.step - ago + 1} of "
                f"{self.steps}, learning rate {self.rate:g}; lower recipe.learning_rate"
            )

    def finish_epoch(self, started: float) -> None:
        loss, correct = self.tally.sums.tolist()
        seen = self.tally.seen or math.nan
        with precision(self.recipe["precision"], self.device):
            test = self.accuracy(self.test_clean, "test")
        row = {
            "epoch": self.epoch,
            "lr": self.rate,
            "train_loss": loss / seen,
            "train_accuracy_pct": 100 * correct / seen,
            "test_loss": test.loss,
            "test_accuracy_pct": test.percent,
            "seconds": time.perf_counter() - started,
        }
        self.history.append(row)
        self.epoch, self.step, self.tally = self.epoch + 1, 0, Tally.on(self.device)

    def evaluation(self) -> list[dict[str, Any]]:
        """Return the accuracy on clean test images and on those a victim would show, in fp32.

        ``transformed`` images go through crop, flip and policy and are normalised as in training,
        as the accuracy script of Warmerdam et al. 2022 has it.
        """
        augment = "crop_flip+policy" if any(self.policy.members) else "crop_flip"
        rows = torch.arange(len(self.test_images))
        draws = self.view.draw(
            self.policy, rows.tolist(), self.seed, purpose="evaluate", augment=augment
        )
        transformed = self.in_pieces(
            lambda piece: self.view.victim(self.test_images[piece], draws[rows[piece]], self.policy)
        )
        with precision("fp32", self.device):
            accuracies = {
                "clean": self.accuracy(self.test_clean, "test"),
                "transformed": self.accuracy(transformed, "train"),
            }
        return [
            {"measure": measure, "correct": a.correct, "n": a.n, "accuracy_pct": a.percent}
            for measure, a in accuracies.items()
        ]

    def accuracy(self, images: Tensor, split: str) -> Accuracy:
        normalise = partial(self.view.normalise, split=split)
        return evaluate(self.model, images, self.test_labels, normalise, chunk=self.eval_chunk)

    def in_pieces(self, work: Callable[[slice], Tensor]) -> Tensor:
        """Return ``work`` on all test images, done a chunk at a time."""
        starts = range(0, len(self.test_images), self.chunk)
        return torch.cat([work(slice(start, start + self.chunk)) for start in starts])

    def save(self, state: "State") -> None:
        self.check_losses()
        facts = {
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.tally.sums.tolist(),
            "seen": self.tally.seen,
            "seconds": self.tally.seconds,
            "history": self.history,
        }
        state.save(pack(self.model, self.optimizer), facts)

    def restore(self, state: "State") -> None:
        if (loaded := state.load()) is None:
            return
        tensors, facts = loaded
        unpack(tensors, self.model, self.optimizer)
        self.epoch, self.step, self.history = facts["epoch"], facts["step"], facts["history"]
        self.tally = Tally.on(self.device, facts["sums"], facts["seen"], facts["seconds"])
