"""One training loop for every attacker: until the validation loss has stopped falling.

An attacker that stops at a fixed epoch makes a slow training look like privacy (Knijff et al. 2021,
section 4.2.1), so all stop by patience and keep the weights of their best epoch.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from reveil.errors import ReveilError, not_allowed
from reveil.optimizers import Optimizer, make_optimizer, pack, unpack
from reveil.precision import PRECISIONS, memory_format, precision
from reveil.progress import Progress

if TYPE_CHECKING:
    from reveil.job import State

log = logging.getLogger(__name__)

# A validation loss is better when it is lower by more than this part of the best so far.
TOLERANCE = 1e-4
# Steps between two looks at the losses: each look makes the host wait for a GPU.
CHECK_EVERY = 50
# Beside the attack's own keys: the released attackers' weight decay is the classifiers', by SGD.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "adam": {"weight_decay": 0.0},
    "sgd": {"momentum": 0.9, "nesterov": False, "weight_decay": 1e-4},
}

Loss = Callable[[Any], Tensor]
Batches = Callable[[int, int], Iterator[Any]]
Validation = Callable[[], float]


def fit_with_patience(
    module: nn.Module,
    loss: Loss,
    batches: Batches,
    validation: Validation,
    attack: Mapping[str, Any],
    *,
    steps: int,
    device: torch.device | str = "cpu",
    state: "State | None" = None,
    name: str = "attacker",
    stall_factor: float = 1.0,
) -> list[dict[str, Any]]:
    """Train until ``patience`` epochs brought no better validation loss; keep the best weights.

    No less than ``min_epochs`` are trained. A run that reaches ``max_epochs`` says so in the log
    and in its last row. With a ``state`` a run goes on where an interrupted one stopped and ends
    in the same weights, on the CPU to the bit. An attacker that trains several modules gives each
    a name of its own: what is finished is then not trained again.

    Args:
        module: on ``device``; in eval mode afterwards.
        loss: mean loss of a batch, through ``module`` in training mode.
        batches: of (epoch, first step), the batches of an epoch from a step on; equal arguments
            give equal batches.
        validation: loss on fixed draws; ``module`` is in eval mode, nothing is differentiated.
        attack: keys optimizer, learning_rate, precision, max_epochs, patience, min_epochs.
        steps: batches of a whole epoch.
        name: of the module, for log, state and the column ``part``.
        stall_factor: the learning rate is multiplied by it whenever half of the patience brought
            nothing better; 1 leaves it.

    Returns:
        A row per epoch: part, epoch, train_loss (mean over the steps, while the weights change),
        validation_loss, best (1 in the one row whose weights are kept), seconds, stopped (empty but
        in the last row: ``patience`` or ``max_epochs``).

    Raises:
        ReveilError: a value that is not allowed, or a loss that is not finite.
    """
    if attack["precision"] not in PRECISIONS:
        raise ReveilError(not_allowed("attack.precision", attack["precision"], PRECISIONS))
    run = _Run(module, loss, batches, attack, steps, torch.device(device), state, name)
    run.restore()
    progress = Progress(
        f"attacker {name}", attack["max_epochs"] * steps, done=run.epoch * steps + run.step
    )
    while not run.stopped:
        run.run_epoch(validation, stall_factor, progress)
    module.load_state_dict(run.best_weights)
    module.to(memory_format=torch.contiguous_format).eval()
    return [
        {**row, "best": int(row["epoch"] == run.best_epoch), "stopped": stopped}
        for row, stopped in zip(run.history, run.reasons(), strict=True)
    ]


@dataclass
class _Run:
    """What :func:`fit_with_patience` keeps between its steps."""

    module: nn.Module
    loss: Loss
    batches: Batches
    attack: Mapping[str, Any]
    steps: int
    device: torch.device
    state: "State | None"
    name: str
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    stalled: int = 0
    best_loss: float = float("inf")
    best_epoch: int = -1
    stopped: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    unchecked: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        layout = memory_format(self.attack["precision"], self.device)
        self.module.to(memory_format=layout)
        settings = {**SETTINGS.get(self.attack["optimizer"], {}), **self.attack}
        self.optimizer: Optimizer = make_optimizer(
            self.module.parameters(), settings, "attack.optimizer", SETTINGS
        )
        self.rate = self.attack["learning_rate"]
        self.total = torch.zeros((), dtype=torch.float64, device=self.device)
        self.best_weights = self.weights()
        # Of the attacker's other modules, kept in the state beside this one's.
        self.others: tuple[dict[str, Tensor], dict[str, Any]] = {}, {}

    def weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def reasons(self) -> list[str]:
        return [""] * (len(self.history) - 1) + [self.stopped]

    def run_epoch(self, validation: Validation, stall_factor: float, progress: Progress) -> None:
        started = time.perf_counter() - self.seconds
        note = f"epoch {self.epoch + 1}, best validation loss {self.best_loss:.4g}"
        self.module.train()
        batches = iter(self.batches(self.epoch, self.step))
        while self.take_step(batches):
            progress.step(note=note)
            if self.state is not None and self.state.due():
                self.seconds = time.perf_counter() - started
                self.save()
        self.check_losses()
        self.module.eval()
        # As his guesses will be computed: the best weights are those that are best there.
        with torch.no_grad(), precision("fp32", self.device):
            validated = float(validation())
        if not torch.tensor(validated).isfinite():
            raise ReveilError(self.diverged("validation loss", f"epoch {self.epoch + 1}"))
        self.history.append(
            {
                "part": self.name,
                "epoch": self.epoch,
                "train_loss": self.total.item() / max(self.step, 1),
                "validation_loss": validated,
                "seconds": time.perf_counter() - started,
            }
        )
        self.judge(validated, stall_factor)
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self.total = torch.zeros_like(self.total)
        self.stop()

    def take_step(self, batches: Iterator[Any]) -> bool:
        """Learn from the next batch; return whether there was one."""
        # A block for each step: autocast keeps copies of the weights until its end.
        with precision(self.attack["precision"], self.device):
            batch = next(batches, None)
            if batch is None:
                return False
            self.optimizer.zero_grad()
            loss = self.loss(batch)
            loss.backward()
            self.optimizer.step(self.rate)
        self.total = self.total + loss.detach().double()
        self.unchecked.append(loss.detach())
        self.step += 1
        if len(self.unchecked) >= CHECK_EVERY:
            self.check_losses()
        return True

    def check_losses(self) -> None:
        """Raise a ``ReveilError`` where a loss since the last check is not finite."""
        if self.unchecked and not torch.stack(self.unchecked).isfinite().all():
            raise ReveilError(
                self.diverged(
                    "loss", f"epoch {self.epoch + 1}, by step {self.step} of {self.steps}"
                )
            )
        self.unchecked.clear()

    def diverged(self, what: str, where: str) -> str:
        return (
            f"attacker {self.name} diverged: the {what} is not finite in {where}, learning rate "
            f"{self.rate:g}; lower the attack's learning_rate"
        )

    def judge(self, validated: float, stall_factor: float) -> None:
        """Keep the weights of a better epoch, else count it and lower the rate when it is time."""
        if self.best_epoch < 0 or validated < self.best_loss - TOLERANCE * abs(self.best_loss):
            self.best_loss, self.best_epoch, self.stalled = validated, self.epoch, 0
            self.best_weights = self.weights()
            return
        self.stalled += 1
        if self.stalled == max(1, self.attack["patience"] // 2):
            self.rate *= stall_factor

    def stop(self) -> None:
        """Say why no further epoch is trained, if none is."""
        attack = self.attack
        if self.stalled >= attack["patience"] and self.epoch >= attack["min_epochs"]:
            self.stopped = "patience"
        elif self.epoch >= attack["max_epochs"]:
            self.stopped = "max_epochs"
            log.warning(
                "attacker %s reached max_epochs, %d, before its patience ended: more training may "
                "make a better attacker; best validation loss %.4g after epoch %d",
                *(self.name, attack["max_epochs"], self.best_loss, self.best_epoch + 1),
            )
        if self.stopped and self.state is not None:
            self.save()

    def save(self) -> None:
        self.check_losses()
        tensors = {"total": self.total}
        if not self.stopped:
            tensors |= pack({"model": self.module}, {"optimizer": self.optimizer})
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        keys = ("epoch", "step", "seconds", "rate", "stalled", "best_epoch", "stopped", "history")
        facts = {key: getattr(self, key) for key in keys}
        # JSON has no infinity.
        facts["best_loss"] = self.best_loss if self.best_epoch >= 0 else None
        named = {f"{self.name}/{key}": value for key, value in tensors.items()}
        self.state.save({**self.others[0], **named}, {**self.others[1], self.name: facts})

    def restore(self) -> None:
        if self.state is None or (loaded := self.state.load()) is None:
            return
        tensors, facts = loaded
        prefix = f"{self.name}/"
        mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        self.others = (
            {key: value for key, value in tensors.items() if not key.startswith(prefix)},
            {key: value for key, value in facts.items() if key != self.name},
        )
        if not mine:
            return
        known = facts[self.name]
        if known["best_loss"] is None:
            known["best_loss"] = float("inf")
        for key, value in known.items():
            setattr(self, key, value)
        self.total = mine["total"].to(self.device)
        self.best_weights = {
            k.removeprefix("best."): v for k, v in mine.items() if k.startswith("best.")
        }
        if not self.stopped:
            unpack(mine, {"model": self.module}, {"optimizer": self.optimizer})
