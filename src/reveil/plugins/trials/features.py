"""What plug-ins give to the study of hidden features, tried: networks, protections, attacks."""

import torch
from torch.nn.functional import cross_entropy

from reveil import config
from reveil.cvnn import private
from reveil.cvnn.attackers.interface import OwnData, Remembers, make_attacker
from reveil.cvnn.hiding import Hiding
from reveil.cvnn.judging import judge
from reveil.cvnn.private import PrivateNetwork
from reveil.cvnn.protections import Protection
from reveil.cvnn.scene import Intercepted, Secrets, intercept
from reveil.plugins.known import Declared
from reveil.plugins.trials import made_up
from reveil.plugins.trials.made_up import Form, Settings, counted, listed

# A small network here, and the two protections that any network has to do with.
NETWORK = "resnet20-alpha-w4"
NONE, ROTATION = "none", "rotation"
IMAGES = 4
OWN_IMAGES = 24
VICTIMS = 2
# Keys of attackers here that say how long they take.
SHORT = {"max_epochs": 1, "patience": 1, "batch_size": 8, "candidates": 8, "width": 8}


def model(one: Declared, settings: Settings) -> str:
    """Build a network with and without a rotation, and train it for a step."""
    for form in settings.forms:
        for name in (NONE, ROTATION):
            hidden = config.resolve_protection({}, settings.root, name)
            _train(one, one.name, hidden, form)
    shapes = [form[:2] + form[1:2] for form in settings.forms]
    return f"{settings.forms[0][2]} logits of {listed(shapes)} images, and gradients"


def policy(one: Declared, settings: Settings) -> str:
    """Train a small network for a step through a protection, and hide images."""
    shapes = []
    for form in settings.forms:
        hidden = config.resolve_protection({}, settings.root, one.name)
        network = _train(one, NETWORK, hidden, form)
        shapes.append(tuple(_hidden(network.eval(), form)[0].x.shape))
    return f"{listed(shapes)} features"


def attack(one: Declared, settings: Settings) -> str:
    """Let an attacker learn, begin again from what was learned, and guess rotated images."""
    preset = config.resolve_feature_attack({}, settings.root, one.name) | SHORT
    for form in settings.forms:
        hidden = config.resolve_protection({}, settings.root, ROTATION)
        network = private.build(NETWORK, hidden, *form, seed=0).eval().requires_grad_(False)
        critic = private.build_critic(network, 0).eval()
        how = {"name": one.name, "shape": made_up.view(form).shape, "seed": 0}
        own = _own(network, form, one.name)
        learned = make_attacker(preset, network, critic, **how)
        history = learned.fit(own)
        kept = {name: t.detach().cpu().clone() for name, t in learned.tensors().items()}
        guesser = make_attacker(preset, network, critic, **how)
        guesser.load(kept)
        if isinstance(guesser, Remembers):
            guesser.recall(own)
        seen, secrets = _hidden(network, form)
        guess = guesser.guess(seen)
        # Labels are judged where a dataset has some that its task hides.
        judged = judge(guess, secrets, made_up.view(form), targets=guess.labels)
    found = [name for name in ("images", "second", "angles", "labels") if _has(guess, name)]
    return (
        f"{listed(found)} of {len(judged)} rotated features after {counted(len(history), 'epoch')}"
    )


def _train(one: Declared, name: str, hidden: Protection, form: Form) -> PrivateNetwork:
    """Return a network whose first gradient was taken."""
    network = private.build(name, hidden, *form, seed=0)
    raw, labels = made_up.images(form, IMAGES)
    pixels = made_up.view(form).normalise(torch.from_numpy(raw))
    hiding = Hiding(network, 0)
    features = network.encode(pixels)
    logits = hiding.logits(features, hiding.counterparts(features, None, (0, 0)), (0, 0))
    loss = cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    made_up.require_finite(one, loss, network)
    return network


def _hidden(network: PrivateNetwork, form: Form) -> tuple[Intercepted, Secrets]:
    raw, labels = made_up.images(form, IMAGES)
    return intercept(network, raw, range(VICTIMS), labels, made_up.view(form), seed=0)


def _own(network: PrivateNetwork, form: Form, name: str) -> OwnData:
    raw, labels = (torch.from_numpy(values) for values in made_up.images(form, OWN_IMAGES))
    view, state = made_up.view(form), made_up.Unwritten()
    return OwnData(network, view, raw, labels, attack=name, seed=0, state=state)


def _has(guess: object, name: str) -> bool:
    return getattr(guess, name) is not None
