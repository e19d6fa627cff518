"""What every run of private networks must show (methods, section 6.2).

That the right key restores the accuracy and a random one loses it is in ``test_cvnn_training``.
"""

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch
import yaml

from reveil.config import read_yaml, resolve_recipe
from reveil.cvnn import tables
from reveil.cvnn.attackers.interface import make_attacker
from reveil.cvnn.equivariance import ACCEPTED, equivariance_error
from reveil.cvnn.key_accuracy import key_accuracies
from reveil.cvnn.private import build
from reveil.cvnn.protections import CHOICES
from reveil.cvnn.scene import intercept
from reveil.training_data import TrainingData
from tests import cvnn_tables as made_up
from tests.hidden import VIEW, Toy, attack, own_data, pixels, protection
from tests.private import noise
from tests.private_training import CLASSES, make_blobs, preset, run
from tests.private_training import VIEW as BLOBS
from tests.workflow import ROOT

PAPER = read_yaml(ROOT / "config.yaml")
FOLDER = ROOT / "config" / "protections"
PRESETS = {path.stem: preset(path.stem) for path in sorted(FOLDER.glob("*.yaml"))}
ROTATING = {name: kept for name, kept in PRESETS.items() if kept.rotates}
# What the layers of a processing module are made of.
LAYERS = ("weights", "threshold", "norm_over", "norm_parts", "norm_test", "coefficients")
# The first preset of each way to make them.
WAYS = {tuple(getattr(kept, key) for key in LAYERS): n for n, kept in reversed(ROTATING.items())}
NETWORKS = (
    *(("resnet20-alpha-w4", 12), ("resnet20-beta-w4", 12), ("resnet20-alpha-authors-w4", 16)),
    *(("resnet20-beta-authors-w4", 16), ("lenet-authors-w4", 28), ("vgg16-w2", 32)),
    ("alexnet-w2", 32),
)
MIXING = [kind for kind in CHOICES["counterpart"] if kind != "noise"]


# Equivariance -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(WAYS.values()))
@pytest.mark.parametrize(("model", "size"), NETWORKS)
def test_no_preset_breaks_the_rotation_of_a_network(model, size, name):
    network = build(model, PRESETS[name], 3, size, 10, seed=0)
    x = noise(8, *network.feature_shape)
    errors = [
        equivariance_error(network.train(training).processor, x) for training in (True, False)
    ]
    assert max(errors) < ACCEPTED


# The adversary ----------------------------------------------------------------------------------


def few():
    """33 images: three batches, so that every loop has had its turn with the encoder."""
    data = make_blobs()
    return TrainingData(
        data.images, data.labels, torch.arange(33).numpy(), data.test_images, data.test_labels
    )


def narrow(kept):
    """The same with layers of less work, where they are the authors'."""
    wide = {key: "narrow" for key in ("generator", "critic") if getattr(kept, key) == "wide"}
    return replace(kept, **wide)


@pytest.mark.parametrize(
    "name", [name for name, kept in ROTATING.items() if kept.adversary != "none"]
)
def test_under_the_recommended_loop_every_adversary_reaches_the_encoder(name):
    settings = resolve_recipe(PAPER, ROOT, "cvnn", "cifar10", "resnet20-alpha")["adversary"]
    assert settings["loop"] == "joint" and settings["weight"] > 0
    (row,) = run(few(), narrow(PRESETS[name]), epochs=1, adversary=settings).history
    assert 0 < row["adversarial_gradient_norm"] < math.inf


@pytest.mark.parametrize(
    ("recipe", "name", "reaches"),
    [
        ("cvnn", "rotation", True),
        ("cvnn-knijff2021", "report-old", True),
        ("cvnn-xiang2022", "released", False),
    ],
)
def test_the_released_loop_alone_leaves_the_encoder_out(recipe, name, reaches):
    """Of the recipes as they are: the released code detaches the features before its critic."""
    settings = resolve_recipe(PAPER, ROOT, recipe, "cifar10", "resnet56-alpha")["adversary"]
    (row,) = run(few(), narrow(PRESETS[name]), epochs=1, adversary=settings).history
    assert (row["adversarial_gradient_norm"] > 0) == reaches


def test_the_reports_lenet_has_no_adversary_at_its_encoder():
    settings = {"loop": "report_lenet", "critic_steps": 5}
    (row,) = run(few(), PRESETS["report-clip"], epochs=1, adversary=settings).history
    assert row["adversarial_gradient_norm"] == 0


# Never with b = a -------------------------------------------------------------------------------


def spied(network):
    """Return the (a, b) that a network hides from now on."""
    pairs, hide = [], network.hide

    def spy(a, b, angles, swapped):
        pairs.append((a.detach(), b.detach()))
        return hide(a, b, angles, swapped)

    network.hide = spy
    return pairs


def apart(pairs):
    """Whether no image was hidden with itself; there must have been some."""
    assert pairs
    return all((a != b).flatten(1).any(dim=1).all() for a, b in pairs)


@pytest.mark.parametrize("swap", CHOICES["swap"])
@pytest.mark.parametrize("kind", CHOICES["counterpart"])
@pytest.mark.parametrize("count", [2, 5, 32])
def test_accuracy_is_never_taken_with_an_image_hidden_behind_itself(kind, swap, count):
    kept = protection(counterpart=kind, swap=swap)
    network = build("resnet20-alpha-w4", kept, 1, BLOBS.size, CLASSES, seed=0)
    pairs, data = spied(network), make_blobs()
    images = BLOBS.evaluate(torch.from_numpy(data.test_images[:count]))
    labels = torch.from_numpy(data.test_labels[:count])
    for chunk in (2, 64):
        found = key_accuracies(
            network, images, labels, BLOBS.normalise, seed=1, batch=4, chunk=chunk
        )
        assert {accuracy.n for accuracy in found.values()} == {count}
    assert apart(pairs)


@pytest.mark.parametrize("swap", ["none", "sample"])
@pytest.mark.parametrize("kind", CHOICES["counterpart"])
def test_no_attack_sees_an_image_hidden_behind_itself(kind, swap):
    network = Toy(counterpart=kind, swap=swap)
    pairs = spied(network)
    seen, secrets = intercept(network, pixels(9), range(9), [0] * 9, VIEW, seed=4)
    assert seen.rotated and len(pairs) > 0 and apart(pairs)
    if kind in MIXING:
        assert (secrets.partner_index != secrets.index).all()


@pytest.mark.parametrize("kind", CHOICES["counterpart"])
def test_an_attacker_does_not_learn_from_images_hidden_behind_themselves(kind):
    network = Toy(counterpart=kind)
    own = own_data(network, 23)
    pairs = spied(network)
    batches = [*own.hidden_batches(8, 0, 0), *own.hidden_batches(8, 1, 0)]
    batches += own.validation_batches(8)
    assert apart(pairs)
    if kind in MIXING:
        assert all((b.images != b.partners).flatten(1).any(dim=1).all() for b in batches)


# Attackers --------------------------------------------------------------------------------------

TRAINED = {
    "inversion1": {},
    "blind-matched": {"method": "blind", "align": "matched"},
    "inversion2-joint": {"method": "decode"},
    "inversion2-separate": {"method": "decode", "parts": "separate"},
    "two-image": {"method": "two_image"},
}


@pytest.mark.parametrize("name", TRAINED)
def test_attackers_stop_when_patience_ends(name):
    """Every part of an attacker says so in its last row, and at a bound it would say that."""
    small = {"decoder": "plain", "width": 2, "batch_size": 16, "candidates": 8}
    learning = {"learning_rate": 0.05, "patience": 2, **TRAINED[name]}
    network = build("resnet20-alpha-w4", protection(generator="none"), 3, 8, 10, seed=0).eval()
    network.requires_grad_(False)
    ends = {}
    for bound in (1, 200):
        values = attack(**small, **learning, max_epochs=bound)
        attacker = make_attacker(values, network, None, name=name, shape=(3, 8, 8), seed=0)
        history = attacker.fit(own_data(network, 40))
        parts = dict.fromkeys(row["part"] for row in history)
        last = [[row for row in history if row["part"] == part][-1] for part in parts]
        ends[bound] = {row["stopped"] for row in last}
        assert sum(bool(row["stopped"]) for row in history) == len(parts)
    assert ends == {1: {"max_epochs"}, 200: {"patience"}}


def test_presets_let_patience_end_an_attacker():
    """A bound of the preset must lie far beyond the epochs that patience needs."""
    for path in sorted((ROOT / "config" / "feature_attacks").glob("*.yaml")):
        assert {"max_epochs", "patience"} & set(yaml.safe_load(path.read_text())) == (
            {"max_epochs", "patience"} if path.stem == "default" else set()
        ), path.stem
    assert attack()["max_epochs"] >= 50 * attack()["patience"]


# What errors are read beside --------------------------------------------------------------------

BESIDE = ("RMSE of the mean colour [95 %]", "RMSE of the blend [95 %]", "RMSE unprotected [95 %]")


def printed(kind):
    """Return the Markdown of a table of errors of made-up attacks, the first cells of its rows."""
    plain = [made_up.attacked("none", (0.04, 0.06), attack=name) for name in TWO]
    rotated = [made_up.attacked("rotation", attack=name, rmse_second=0.3) for name in TWO]
    images = pd.concat([*plain, *rotated, made_up.core()], ignore_index=True)
    models = made_up.trained()
    table = {
        "inversion": lambda: tables.inversion_table(images, models, PUBLISHED, experiment="none"),
        "core": lambda: tables.core_table(images, models),
        "k": lambda: tables.k_table(images, models),
        "two": lambda: tables.two_image_table(images),
    }[kind]()
    return tables.to_markdown(table)


TWO = ("inversion1", "two-image")
PUBLISHED = pd.read_csv(ROOT / "config" / "published.csv")


@pytest.mark.parametrize("kind", ["inversion", "core", "k", "two"])
def test_errors_are_printed_beside_trivial_predictors_and_the_unprotected_attack(kind):
    head, _, *lines = [line for line in printed(kind).splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in head.split("|")]
    assert set(BESIDE) <= set(names)
    rows = [dict(zip(names, map(str.strip, line.split("|")), strict=True)) for line in lines]
    attacked = [row for row in rows if "0.050" in row[BESIDE[2]]]
    assert attacked
    assert all(row[BESIDE[0]].startswith("0.250") for row in attacked)
    assert all(row[BESIDE[1]].startswith("0.175") for row in attacked)
