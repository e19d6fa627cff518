"""The accuracies of a private network with each key and of a noisy one, by hand."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from reveil.cvnn import private
from reveil.cvnn.counterparts import noise_like
from reveil.cvnn.key_accuracy import CLEAN, KeyDraws, key_accuracies, noise_of
from reveil.cvnn.stacked import imaginary_part, real_part, rotate, stack
from tests.hidden import protection
from tests.private import noise
from tests.private_training import CLASSES, MODEL, SIZE

# With this seed the images of exchanged pairs are of two classes, so that an exchange shows.
COUNT, SEED = 9, 7


def measured(**changes):
    """Return the accuracies of an untrained network on noise, the network and its features."""
    network = private.build(MODEL, protection(**changes), 1, SIZE, CLASSES, seed=0)
    pixels = noise(COUNT, 1, SIZE, SIZE, seed=1).mul(60).add(128).clamp(0, 255).to(torch.uint8)
    labels = torch.arange(COUNT) % CLASSES

    def normalise(images):
        return images.float() / 64 - 2

    found = key_accuracies(network, pixels, labels, normalise, seed=SEED, batch=4, chunk=4)
    with torch.no_grad():
        features = network.eval().encode(normalise(pixels))
    return found, network, features, labels


def agrees(accuracy, logits, labels):
    assert accuracy.n == COUNT
    assert accuracy.correct == (logits.argmax(1) == labels).sum()
    assert accuracy.loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-4)


@pytest.mark.parametrize("swap", ["none", "sample"])
@pytest.mark.parametrize("kind", ["pair", "permutation", "noise"])
def test_every_key_reveals_what_it_should(kind, swap):
    """x is turned by the angle drawn for it, and back by that, a random or a wrong one."""
    found, network, features, labels = measured(counterpart=kind, swap=swap, adversary="none")
    draws = KeyDraws.make(COUNT, SEED, swap != "none")
    a = features[draws.shown]
    half = len(a) // 2
    b = a.roll(half, 0)
    if kind == "noise":
        b = noise_like(a, noise_of(SEED, draws.shown, a))
    rows = slice(half if kind == "pair" else None)
    flags = draws.swapped[rows]
    first, second = (x[rows].clone() for x in (a, b))
    first[flags], second[flags] = b[rows][flags], a[rows][flags]
    with torch.no_grad():
        h = network.process(rotate(stack(first, second), draws.angles[rows]))
        for name, angles in (
            ("right_key", draws.angles),
            ("random_key", draws.guesses),
            ("wrong_key", draws.wrong),
        ):
            real, imaginary = (part(h, angles[rows]) for part in (real_part, imaginary_part))
            own, other = real.clone(), imaginary.clone()
            own[flags], other[flags] = imaginary[flags], real[flags]
            shown = torch.cat([own, other]) if kind == "pair" else own
            logits = network.classify(shown)[draws.counted]
            agrees(found[name], logits, labels[draws.shown[draws.counted]])
    assert len({accuracy.loss for accuracy in found.values()}) == 3


@pytest.mark.parametrize("law", ["fresh", "shared"])
def test_a_noisy_network_is_tested_with_its_noise(law):
    found, network, features, labels = measured(
        kind="noisy", noise=law, generator="none", end="relu"
    )
    drawn = noise_of(SEED, torch.arange(COUNT), features, law == "shared")
    with torch.no_grad():
        logits = network.classify(network.process(network.noisy(features, drawn)))
    agrees(found[CLEAN], logits, labels)
