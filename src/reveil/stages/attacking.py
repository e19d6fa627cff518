"""Attack a block of images: the scene shares, the attacker guesses, the judge compares."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reveil import attacks, datasets, lpips, metrics, models, policies, scene
from reveil.attacks.chunking import choose_chunk
from reveil.digest import file_digest
from reveil.facts import image_facts
from reveil.job import State
from reveil.pictures import arrays
from reveil.records import Records
from reveil.splits import Splits
from reveil.stages.work import Work, block_positions, dataset_folder
from reveil.views import view_for

KEYS = (
    *("run", "study", "protocol", "dataset", "model"),
    *("policy", "recipe", "seed", "attack", "defence"),
)


@dataclass(frozen=True)
class AttackedBlock:
    """A row per image, pictures and curves, what they depend on, and the job's state."""

    rows: Records
    arrays: dict[str, np.ndarray]
    identity: dict[str, Any]
    state: State


def attack_block(
    work: Work, *, prepared: str, policy: str, weights: str, lpips_weights: str = ""
) -> AttackedBlock:
    """Attack, going on from an earlier state of the same job.

    Args:
        work: ``named`` holds the keys of the rows and the block, ``switches`` the scene, the
            attacker, the attack, the recipe of the model and the reference of the judge.
        prepared: path of an array of the prepared dataset.
        policy: path of the policy file.
        weights: checkpoint of the attacked model.
        lpips_weights: file of the network of LPIPS; without one it is left out.

    Raises:
        ReveilError: a file is missing or damaged, or the attack cannot be done.
    """
    switches, named = work.switches, work.named
    staging, rule = switches["scene"], switches["scene"]["images"]
    holdout = switches["recipe"]["holdout"]
    chosen_policy = policies.read(policy)
    view = view_for(datasets.get(named["dataset"]), switches["recipe"])
    model, _ = models.load_model(weights, work.job.device)
    splits = Splits.open(dataset_folder(prepared))
    picked = splits.pick(rule, holdout, block_positions(named["block"]))

    victims = scene.stage(
        picked.images,
        picked.labels,
        picked.index.tolist(),
        view=view,
        policy=chosen_policy,
        seed=work.seed,
        scene=staging,
        first=int(splits.pick(rule, holdout, [0]).index[0]),
    )
    chunk = choose_chunk(work.items, model, view.shape, len(picked.index))
    attack = switches["attack"]
    shared = scene.share(
        model,
        victims,
        staging,
        named["defence"],
        seed=work.seed,
        knows=attack["knows"] == "policy",
        declares_labels=attack["label"] == "known",
        chunk=chunk,
    )
    identity = work.identity(
        policy_file=policies.to_json(chosen_policy), weights=file_digest(weights)
    )
    state = work.state(identity)
    guess = attacks.reconstruct(
        model,
        shared,
        attack,
        victims.streams,
        work.seed,
        work.job.device,
        work.items,
        state,
        loss_factor=switches["attacker"]["loss_factor"],
    )
    whole = splits.images["test" if rule["split"] == "test" else "train"]
    judged = metrics.judge(
        guess,
        victims,
        view,
        work.seed,
        reference=switches["reference"],
        gallery=view.evaluate(torch.from_numpy(np.array(whole))),
        facts=image_facts(model, victims, shared),
        lpips=lpips.load(lpips_weights) if lpips_weights else None,
    )
    rows = Records({**{key: named[key] for key in KEYS}, **row} for row in judged)
    drawn = arrays(
        guess,
        victims,
        view,
        reference=switches["reference"],
        tensors=[name for name, value in model.named_parameters() if value.requires_grad],
    )
    return AttackedBlock(rows, drawn, identity, state)
