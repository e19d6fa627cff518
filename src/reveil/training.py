"""Training a network under a recipe, with the transformations a victim would apply.

The protocol is that of Gao et al. 2021 (their code) with the switches of Drabent et al. 2022 and
Warmerdam et al. 2022: SGD with Nesterov momentum or Adam, the rate lowered tenfold at 3/8, 5/8 and
7/8 of the epochs, cross-entropy with an optional factor, random crop and flip. A defence changes
the gradient of every mini-batch before the optimizer, its weight decay and momentum, see it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reveil import defence_names, defences
from reveil.evaluation import Accuracy, evaluate
from reveil.models import build
from reveil.optimizers import make_optimizer
from reveil.precision import precision
from reveil.training_data import TrainingData, check
from reveil.training_run import TrainingRun

if TYPE_CHECKING:
    from reveil.job import State
    from reveil.policies import Policy
    from reveil.views import View


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


class _Run(TrainingRun):
    """A training under transformations of images and a defence of gradients."""

    def build(self, classes: int) -> None:
        channels, size, _ = self.view.shape
        self.model = self.place(build(self.model_name, channels, size, classes, self.seed))
        self.optimizer = make_optimizer(self.model.parameters(), self.recipe)
        self.networks, self.optimizers = {"model": self.model}, {"optimizer": self.optimizer}
        self.defence = defence_names.parse(self.recipe["defence"])

    def take_step(self, pixels: Tensor, labels: Tensor) -> None:
        inputs = self.inputs(pixels)
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

    def measure(self) -> dict[str, float]:
        with precision(self.recipe["precision"], self.device):
            test = self.accuracy(self.test_clean, "test")
        return {"test_loss": test.loss, "test_accuracy_pct": test.percent}

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
