"""In which order task, encoder and critic learn: our loop, and those that were published.

================  ==============================================================================
``joint``         ours: every batch one step on task and adversarial loss together, then
                  ``critic_steps`` of the critic on the same features
``by_batch``      code of Knijff et al. 2021 for ResNets: one batch teaches the task, one the
                  encoder to deceive, ``critic_steps`` (7) the critic, and so on
``report_lenet``  their code for LeNet: one batch for the task, ``critic_steps`` (5) for the
                  critic, by the generator's formula; the encoder has no adversarial step
``released``      the authors' code of 2022: the term of the encoder is computed on detached
                  features, and two optimizers step on the same gradients; the critic learns in one
                  of ``critic_every`` (50) batches
``course``        a third party's: every batch teaches the task and the critic, and one of
                  ``encoder_every`` (5) the encoder, too
================  ==============================================================================

The numbers are keys of ``recipe.adversary``; those in brackets are the published ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reveil.errors import ReveilError, not_allowed

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is learned from one batch.

    Attributes:
        task: whether encoder, processing and decoder take a step on the task's loss.
        encoder: whether the encoder learns from the critic.
        critic: steps of the critic.
    """

    task: bool = False
    encoder: bool = False
    critic: int = 0


@dataclass(frozen=True)
class Loop:
    """One way to train a private network with its critic.

    Attributes:
        plan: what is learned from the batch of a number, counted from 0 over all epochs.
        together: whether the encoder's term is added to the task's loss, and not a step of its own.
        own_optimizer: whether the encoder has an optimizer of its own for the adversary.
        reaches: whether the encoder's term must have a gradient at the encoder.
        detached: whether that term is computed on features without gradient, and without D(a).
        critic_sign: 1 where the critic minimises E D(a') - E D(a), -1 where it is given the
            generator's formula.
    """

    plan: Callable[[int, Settings], Plan]
    together: bool = False
    own_optimizer: bool = True
    reaches: bool = True
    detached: bool = False
    critic_sign: int = 1


def _joint(batch: int, settings: Settings) -> Plan:
    return Plan(task=True, encoder=True, critic=settings["critic_steps"])


def _by_batch(batch: int, settings: Settings) -> Plan:
    place = batch % (2 + settings["critic_steps"])
    return (Plan(task=True), Plan(encoder=True), Plan(critic=1))[min(place, 2)]


def _report_lenet(batch: int, settings: Settings) -> Plan:
    return Plan(critic=1) if batch % (1 + settings["critic_steps"]) else Plan(task=True)


def _released(batch: int, settings: Settings) -> Plan:
    return Plan(task=True, encoder=True, critic=int(batch % settings["critic_every"] == 0))


def _course(batch: int, settings: Settings) -> Plan:
    deceives = batch % settings["encoder_every"] == settings["encoder_every"] - 1
    return Plan(task=True, encoder=deceives, critic=settings["critic_steps"])


# The course's third and fourth optimizer, for the task of the encoder and of the rest, have the
# same settings: one over all parameters takes the same steps.
LOOPS: dict[str, Loop] = {
    "joint": Loop(_joint, together=True, own_optimizer=False),
    "by_batch": Loop(_by_batch),
    "report_lenet": Loop(_report_lenet, own_optimizer=False, reaches=False, critic_sign=-1),
    "released": Loop(_released, together=True, reaches=False, detached=True),
    "course": Loop(_course),
}


def get(name: str) -> Loop:
    """Return a loop by name.

    Raises:
        ReveilError: there is none of that name.
    """
    if name not in LOOPS:
        raise ReveilError(not_allowed("recipe.adversary.loop", name, LOOPS))
    return LOOPS[name]
