"""One run over the epochs of a recipe: what every kind of training shares.

Batches, augmentation by the view, precision, sums and checks of the losses, the resume state and
the history are here; a kind of training says what its networks are, what a step does, and how well
they are doing.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from reveil.errors import ReveilError
from reveil.optimizers import Optimizer, pack, unpack
from reveil.precision import memory_format
from reveil.progress import Progress
from reveil.resident import Resident
from reveil.rng import generator
from reveil.schedule import decayed, milestones, steps_per_epoch
from reveil.tally import Tally
from reveil.training_data import TrainingData, augmentation

if TYPE_CHECKING:
    from reveil.job import State
    from reveil.policies import Policy
    from reveil.views import View

# Images transformed at a time; a piece is some batches, made before the first of them is needed.
AUTO_CHUNK = {"cpu": 2048, "cuda": 16384}
# Those are images of 3 x 32 x 32 bytes; of larger ones, as many as take no more.
CHUNK_PIXELS = 3 * 32 * 32
# Steps between two looks at the losses: each look makes the host wait for a GPU.
CHECK_EVERY = 50


class TrainingRun(ABC):
    """What a training keeps between its steps.

    With a state, :meth:`train` continues where an interrupted run stopped and ends in the same
    weights, on the CPU to the bit.

    Args:
        data: what to train and test on.
        view: how images reach the network.
        policy: what the images go through after crop and flip; only its members are used.
        recipe: resolved recipe, every key present.
        model_name: of the network, for its seed and messages.
        classes: outputs of the network.
        seed: of initialisation, order and augmentation.
        device: where to compute.
        chunk: images transformed or tested at a time; it changes speed and memory only.

    Attributes:
        networks, optimizers: by name; what is trained, and a resumed run goes on with.
        extra: other tensors on the device, by name, that a resumed run goes on with.
        history: a row per epoch.
    """

    # What to do about a loss that is not finite.
    advice: ClassVar[str] = "lower recipe.learning_rate"

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
        auto = AUTO_CHUNK.get(device.type, AUTO_CHUNK["cpu"])
        pixels = max(1, math.prod(data.images.shape[1:]))
        self.chunk = self.eval_chunk or max(1, min(auto, auto * CHUNK_PIXELS // pixels))

        self.rows = torch.as_tensor(data.indices, dtype=torch.int64)
        self.train_count = len(data.images)
        self.images = Resident(data.images, data.indices, device)
        self.labels = torch.from_numpy(data.labels[data.indices]).to(device, torch.int64)
        self.test_images = torch.from_numpy(np.array(data.test_images)).to(device)
        self.test_labels = torch.from_numpy(np.array(data.test_labels)).to(device, torch.int64)
        self.test_clean = self.in_pieces(lambda piece: view.evaluate(self.test_images[piece]))

        self.layout = memory_format(recipe["precision"], device)
        self.milestones = milestones(recipe["epochs"], recipe["milestones"])
        self.steps = steps_per_epoch(len(self.rows), recipe["batch_size"], recipe["drop_last"])
        planned, stop = recipe["epochs"] * self.steps, recipe["stop_after"]
        self.last = planned if stop is None else stop
        self.epoch = self.step = 0
        self.tally = Tally.on(self.device)
        self.history: list[dict[str, float]] = []
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.extra: dict[str, Tensor] = {}
        self.build(classes)

    @abstractmethod
    def build(self, classes: int) -> None:
        """Fill ``networks`` and ``optimizers``."""

    @abstractmethod
    def take_step(self, pixels: Tensor, labels: Tensor) -> None:
        """Learn from one batch, uint8 (B, C, H, W) as the network sees it, and tell the tally."""

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """Return the columns of an epoch's row after those of the training batches."""

    def place(self, network: nn.Module) -> nn.Module:
        """Return a new network on the device, laid out in memory as its images are."""
        return network.to(self.device, memory_format=self.layout)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return a batch of training images as the network's input."""
        normalised = self.view.normalise(pixels, split="train")
        return normalised.contiguous(memory_format=self.layout)

    def train(self, state: "State | None") -> None:
        """Take all steps of the recipe."""
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
        for network in self.networks.values():
            network.train()
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
            pixels = self.images.take(piece)
            pixels = self.view.victim(pixels, draws[self.rows[piece]], self.policy)
            labels = self.labels[piece.to(self.device)]
            yield from zip(pixels.split(batch), labels.split(batch), strict=True)

    def check_losses(self) -> None:
        """Raise a ``ReveilError`` for the first loss since the last check that is not finite."""
        if ago := self.tally.first_bad_step():
            raise ReveilError(
                f"training of {self.model_name} diverged: the loss is not finite in epoch "
                f"{self.epoch + 1} of {self.recipe['epochs']}, step {self.step - ago + 1} of "
                f"{self.steps}, learning rate {self.rate:g}; {self.advice}"
            )

    def finish_epoch(self, started: float) -> None:
        """Add the row of the epoch to the history, and turn to the next one."""
        loss, correct = self.tally.sums.tolist()
        seen = self.tally.seen or math.nan
        row = {
            "epoch": self.epoch,
            "lr": self.rate,
            "train_loss": loss / seen,
            "train_accuracy_pct": 100 * correct / seen,
            **self.measure(),
            "seconds": time.perf_counter() - started,
        }
        self.history.append(row)
        self.epoch, self.step, self.tally = self.epoch + 1, 0, Tally.on(self.device)

    def in_pieces(self, work: Callable[[slice], Tensor]) -> Tensor:
        """Return ``work`` on all test images, done a chunk at a time."""
        starts = range(0, len(self.test_images), self.chunk)
        return torch.cat([work(slice(start, start + self.chunk)) for start in starts])

    def save(self, state: "State") -> None:
        """Write the resume state, unless a loss went wrong."""
        self.check_losses()
        facts = {
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.tally.sums.tolist(),
            "seen": self.tally.seen,
            "seconds": self.tally.seconds,
            "history": self.history,
        }
        extra = {f"extra.{name}": value for name, value in self.extra.items()}
        state.save(pack(self.networks, self.optimizers) | extra, facts)

    def restore(self, state: "State") -> None:
        """Go on from a resume state, if there is one."""
        if (loaded := state.load()) is None:
            return
        tensors, facts = loaded
        unpack(tensors, self.networks, self.optimizers)
        start = "extra."
        self.extra |= {
            k.removeprefix(start): v.to(self.device)
            for k, v in tensors.items()
            if k.startswith(start)
        }
        self.epoch, self.step, self.history = facts["epoch"], facts["step"], facts["history"]
        self.tally = Tally.on(self.device, facts["sums"], facts["seen"], facts["seconds"])
