"""What plug-ins give to the study of gradients, tried: networks, policies, attacks, defences."""

from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.functional import cross_entropy

from reveil import attacks, config, metrics, models, policies, scene
from reveil.facts import image_facts
from reveil.pictures import arrays
from reveil.plugins import told
from reveil.plugins.known import Declared
from reveil.plugins.trials import made_up
from reveil.plugins.trials.made_up import Form, Settings, counted, listed
from reveil.policies import Policy
from reveil.scene import Shared, Victims
from reveil.views import View

# The smallest network here, and the scene of the recommended protocol.
NETWORK = "lenetzhu"
PROTOCOL = "fixed"
PLAIN, AWARE = "inversed", "inversed-aware"
IMAGES = 4
VICTIMS = 2
# Keys of attacks here that say how long they take; a plug-in's own parameters are as it says.
SHORT = {"iterations": 2, "max_hypotheses": 4, "keep": 1}
NO_POLICY = "none"


@dataclass(frozen=True)
class _Scene:
    """A few victims of a form, and the protocol's section that says what they do."""

    view: View
    victims: Victims
    switches: dict[str, Any]

    def share(self, network: nn.Module, attack: dict[str, Any], defence: str = "none") -> Shared:
        return scene.share(
            network,
            self.victims,
            self.switches,
            defence,
            seed=0,
            knows=attack["knows"] == "policy",
            declares_labels=attack["label"] == "known",
        )


def model(one: Declared, settings: Settings) -> str:
    """Build a network, train it for a step, and take gradients that could be attacked."""
    for form in settings.forms:
        network = models.build(one.name, *form, seed=0)
        staged = _staged(settings, form, policies.parse(NO_POLICY), IMAGES)
        loss = cross_entropy(network(staged.victims.x), staged.victims.labels)
        loss.backward()
        made_up.require_finite(one, loss, network)
        staged.share(network.eval(), config.resolve_attack({}, settings.root, PLAIN))
    shapes = [form[:2] + form[1:2] for form in settings.forms]
    return f"{settings.forms[0][2]} logits of {listed(shapes)} images, and gradients"


def policy(one: Declared, settings: Settings) -> str:
    """Transform images of victims, and let attackers try what they are told of it."""
    parsed = policies.parse(one.name)
    shapes, counts = [], []
    for form in settings.forms:
        staged = _staged(settings, form, parsed, IMAGES)
        shapes.append(tuple(staged.victims.pixels.shape))
        if one.has("draws"):
            counts.append(len(told.draws(one, staged.view.shape)))
            _attack(settings, form, parsed, AWARE)
        if one.has("reach"):
            told.reach(one, form[1])
    return f"{listed(shapes)} images" + (
        f", {counted(counts[-1], 'draw', listed(counts))}" if counts else ""
    )


def attack(one: Declared, settings: Settings) -> str:
    """Attack victims of a small network, and judge what was found."""
    shapes, reasons = [], []
    for form in settings.forms:
        found = _attack(settings, form, policies.parse(NO_POLICY), one.name)
        shapes.append(tuple(found.x.shape))
        reasons += [
            reason
            for status, reason in zip(found.status, found.reason, strict=True)
            if status == "failed"
        ]
    failed = f", {len(reasons)} failed ({reasons[0]})" if reasons else ""
    return f"{listed(shapes)} images{failed}"


def defence(one: Declared, settings: Settings) -> str:
    """Share gradients of a small network under a defence."""
    for form in settings.forms:
        network = models.build(NETWORK, *form, seed=0).eval()
        staged = _staged(settings, form, policies.parse(NO_POLICY), VICTIMS)
        known = config.resolve_attack({}, settings.root, PLAIN)
        gradients = staged.share(network, known, one.name).gradients
    return f"{VICTIMS} gradients of {len(gradients)} tensors"


def _staged(settings: Settings, form: Form, chosen: Policy, count: int) -> _Scene:
    raw, labels = made_up.images(form, count)
    switches = config.resolve_protocol({}, settings.root, PROTOCOL)["scene"]
    view = made_up.view(form)
    victims = scene.stage(
        *(raw, labels, range(count)), view=view, policy=chosen, seed=0, scene=switches
    )
    return _Scene(view, victims, switches)


def _attack(settings: Settings, form: Form, chosen: Policy, name: str) -> attacks.Reconstruction:
    parameters = config.resolve_attack({}, settings.root, name) | SHORT
    network = models.build(NETWORK, *form, seed=0).eval()
    staged = _staged(settings, form, chosen, VICTIMS)
    victims, view = staged.victims, staged.view
    shared = staged.share(network, parameters)
    guess = attacks.reconstruct(
        network, shared, parameters, victims.streams, 0, state=made_up.Unwritten()
    )
    facts = image_facts(network, victims, shared)
    metrics.judge(guess, victims, view, 0, gallery=victims.originals, facts=facts)
    arrays(guess, victims, view, tensors=[name for name, _ in network.named_parameters()])
    return guess
