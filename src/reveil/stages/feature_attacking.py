"""Attack the features of private networks: train an attacker, then let him guess a block."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reveil import datasets, indices
from reveil.chunks import run_in_chunks
from reveil.cvnn import scene, targets, tasks, weights
from reveil.cvnn.attackers.interface import Attacker, OwnData, Remembers, gather, make_attacker
from reveil.cvnn.attackers.kept import PreparedImages
from reveil.cvnn.judging import judge
from reveil.cvnn.methods import INFERENCE
from reveil.cvnn.own_images import own_indices
from reveil.cvnn.pictures import pictures
from reveil.cvnn.private import PrivateNetwork
from reveil.cvnn.scene import intercept
from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models.weights import read_tensors, require, write_tensors
from reveil.records import Records
from reveil.splits import Splits
from reveil.stages.attacking import KEYS
from reveil.stages.work import Work, block_positions, dataset_folder
from reveil.views import View, view_for

ATTACKER_KEYS = tuple(key for key in KEYS if key != "defence")
# Of the file of a trained attacker.
FACTS = ("attack", "epochs")


@dataclass(frozen=True)
class TrainedAttacker:
    """What an attacker learned, how, what it depends on, and the job's state.

    Attributes:
        tensors: to be written by :func:`save_attacker`.
        facts: for the metadata of that file: the attack's name, and its epochs, of all modules.
        history: a row per epoch: names, ``part`` (the module), epoch, train_loss,
            validation_loss, best, seconds, stopped; without rows for attackers that do not train.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]
    history: Records
    identity: dict[str, Any]
    state: State


@dataclass(frozen=True)
class AttackedFeatures:
    """A row per image, the pictures of :mod:`reveil.cvnn.pictures`, and what they depend on."""

    rows: Records
    arrays: dict[str, np.ndarray]
    identity: dict[str, Any]


def train_attacker(
    work: Work, *, prepared: str, weights: str, inner: str | None = None
) -> TrainedAttacker:
    """Train an attacker, going on from an earlier state of the same job.

    Args:
        work: ``named`` holds dataset, attack and seed and the other keys of the rows, ``switches``
            the recipe of the model, ``features``, ``attack``, and ``inner``, the preset of the
            attack that it builds on.
        prepared: path of an array of the prepared dataset.
        weights: checkpoint of the attacked network.
        inner: file of the trained attacker that it builds on, where it does.

    Raises:
        ReveilError: a file is missing or damaged, or the attack cannot be done.
    """
    parties = _parties(work, weights, inner)
    identity = work.identity(**_digests(weights=weights, inner=inner))
    state = work.state(identity)
    history = parties.attacker.fit(_own(work, parties, prepared, state))
    columns = ("part", "epoch", "train_loss", "validation_loss", "best", "seconds", "stopped")
    named = [{key: work.named[key] for key in ATTACKER_KEYS} | row for row in history]
    table = Records(named, columns=[*ATTACKER_KEYS, *columns])
    facts = {"attack": work.named["attack"], "epochs": len(history)}
    return TrainedAttacker(parties.attacker.tensors(), facts, table, identity, state)


def save_attacker(path: str | Path, trained: TrainedAttacker) -> None:
    """Write what an attacker learned, with its facts."""
    write_tensors(path, trained.tensors, trained.facts)


def attack_features(
    work: Work, *, prepared: str, weights: str, attacker: str, inner: str | None = None
) -> AttackedFeatures:
    """Hide a block of images, let the attacker guess, and judge.

    Args:
        work: as for :func:`train_attacker`; ``named`` holds the block and the defence, too, and
            ``switches`` the ``scene``.
        prepared: path of an array of the prepared dataset.
        weights: checkpoint of the attacked network.
        attacker: file of the trained attacker.
        inner: file of the one that it builds on, where it does.

    Raises:
        ReveilError: a file is missing or damaged, or the attack cannot be done.
    """
    parties = _parties(work, weights, inner)
    epochs = _load(attacker, work.named["attack"], parties.attacker)
    files = _digests(weights=weights, attacker=attacker, inner=inner)
    identity = work.identity(**files)
    if isinstance(parties.attacker, Remembers):
        parties.attacker.recall(_own(work, parties, prepared, work.state(identity)))
    splits, folder = Splits.open(dataset_folder(prepared)), dataset_folder(prepared)
    rule, holdout = work.switches["scene"]["images"], work.switches["recipe"]["holdout"]
    picked = splits.pick(rule, holdout, block_positions(work.named["block"]))
    split = "test" if rule["split"] == "test" else "train"
    others = indices.holdout_indices(splits.labels["train"], holdout)
    seen, secrets = intercept(
        parties.network,
        splits.images[split],
        picked.index.tolist(),
        splits.labels[split],
        parties.view,
        seed=work.seed,
        among=others.tolist() if rule["split"] == "heldout" else None,
        device=work.job.device,
        chunk=_chunk(work),
    )
    started = time.perf_counter()
    guesses = run_in_chunks(
        lambda piece: parties.attacker.guess(seen.take(piece)),
        len(seen),
        _chunk(work),
        what=f"attack {work.named['attack']}, images",
    )
    guess = gather(guesses)
    seconds = (time.perf_counter() - started) / len(seen)
    hidden = _targets(work, folder / split)
    judged = judge(
        guess,
        secrets,
        parties.view,
        targets=None if hidden is None else hidden[secrets.index],
        **_guesses_of_nothing(work, prepared, secrets.labels),
        attacker_epochs=epochs,
        wall_seconds=seconds,
    )
    rows = Records({**{key: work.named[key] for key in KEYS}, **row} for row in judged)
    return AttackedFeatures(rows, pictures(guess, secrets), identity)


@dataclass(frozen=True)
class _Parties:
    network: PrivateNetwork
    view: View
    attacker: Attacker


def _parties(work: Work, path: str, inner: str | None) -> _Parties:
    """Return the network, how images reach it, and the attacker, his inner one trained."""
    switches, named = work.switches, work.named
    view = view_for(datasets.get(named["dataset"]), switches["recipe"])
    network, critic, _ = weights.load(path, work.job.device)
    network.requires_grad_(False)
    make = _Maker(work, view, network, critic)
    within = None
    if inner:
        name = switches["attack"]["inner"]
        within = make(switches["inner"], name, None)
        _load(inner, name, within)
    return _Parties(network, view, make(switches["attack"], named["attack"], within))


@dataclass(frozen=True)
class _Maker:
    work: Work
    view: View
    network: PrivateNetwork
    critic: nn.Module | None

    def __call__(self, attack: Mapping[str, Any], name: str, inner: Attacker | None) -> Attacker:
        return make_attacker(
            attack,
            self.network,
            self.critic,
            name=name,
            shape=self.view.shape,
            seed=self.work.seed,
            device=self.work.job.device,
            inner=inner,
        )


def _load(path: str, name: str, attacker: Attacker) -> int:
    """Give an attacker what it learned; return after how many epochs."""
    tensors, facts = read_tensors(path)
    require(path, facts, FACTS)
    if facts["attack"] != name:
        raise ReveilError(f"weights {path}: are of attack {facts['attack']!r}, not of {name!r}")
    try:
        attacker.load(tensors)
    except (RuntimeError, KeyError) as error:
        raise ReveilError(f"weights {path}: do not fit attack {name}: {error}") from None
    return int(facts["epochs"])


def _own_rows(work: Work, labels: np.ndarray) -> np.ndarray:
    return own_indices(labels, work.switches["features"], work.switches["recipe"], work.seed)


def _own(work: Work, parties: _Parties, prepared: str, state: State) -> OwnData:
    """Return the attacker's own images; they are read when they are needed."""
    splits = Splits.open(dataset_folder(prepared))
    rows = _own_rows(work, splits.labels["train"])
    return OwnData(
        parties.network,
        parties.view,
        PreparedImages(splits.images["train"], rows, parties.view),
        torch.from_numpy(splits.labels["train"][rows]),
        attack=work.named["attack"],
        seed=work.seed,
        device=work.job.device,
        targets=_own_targets(work, prepared),
        chunk=_chunk(work),
        state=state,
    )


def _guesses_of_nothing(work: Work, prepared: str, labels: Tensor) -> dict[str, Tensor]:
    """Return what who saw no features says of images with these labels of the task.

    Of attributes the commoner value of each; of classes the commonest behind the image's label.
    """
    own = _own_targets(work, prepared)
    if own is None:
        return {}
    if own.dtype == torch.bool:
        return {"majority": targets.commonest(own)}
    known = Splits.open(dataset_folder(prepared)).labels["train"]
    superclasses = torch.from_numpy(known[_own_rows(work, known)])
    commonest = targets.commonest_given(superclasses, own)
    # Of a label that no own image has he says nothing, which is never right.
    among = labels < len(commonest)
    return {"given_task": torch.where(among, commonest[labels * among], -1)}


def _targets(work: Work, folder: Path) -> Tensor | None:
    """Return what an inference attack is after, for a whole split; None for other attacks."""
    if work.switches["attack"]["method"] not in INFERENCE:
        return None
    target = tasks.hidden(work.named["dataset"])
    if target is None:
        raise ReveilError(
            f"attack {work.named['attack']}: dataset {work.named['dataset']} has no labels beyond "
            "those of its task; allowed: datasets of superclasses or of attributes"
        )
    return torch.from_numpy(targets.load(folder, target))


def _own_targets(work: Work, prepared: str) -> Tensor | None:
    folder = dataset_folder(prepared)
    hidden = _targets(work, folder / "train")
    if hidden is None:
        return None
    return hidden[_own_rows(work, Splits.open(folder).labels["train"])]


def _chunk(work: Work) -> int:
    return scene.AUTO_CHUNK if work.items == "auto" else int(work.items)


def _digests(**paths: str | None) -> dict[str, str]:
    return {name: file_digest(path) for name, path in paths.items() if path}
