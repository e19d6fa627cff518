"""Attackers that decode what they see: one image, the parts by themselves, and two images."""

import math

import pytest
import torch
from torch import nn

from reveil.cvnn.attackers import blind, two_image
from reveil.cvnn.attackers.interface import Guess, gather, make_attacker
from reveil.cvnn.attackers.two_image import either_order
from reveil.cvnn.scene import intercept
from reveil.cvnn.stacked import parts
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models.fresh import seeded
from tests.hidden import VIEW, Toy, attack, own_data, pixels

QUICK = {"width": 8, "learning_rate": 3e-3, "batch_size": 16, "patience": 50, "decoder": "plain"}


def attacker(network, name="decode", **changes):
    values = attack(**{**QUICK, "method": name, **changes})
    return make_attacker(values, network, name="made-up", shape=(3, 8, 8), seed=0)


def fitted(network, epochs, count=40, state=None, **changes):
    made = attacker(network, max_epochs=epochs, **changes)
    return made, made.fit(own_data(network, count, state=state))


def scene(network, count=20):
    index = range(count)
    return intercept(network, pixels(30, seed=9), index, [0] * 30, VIEW, seed=5)


def rmse(guess, images):
    return (guess - images).square().mean().sqrt().item()


# One image --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["original", "noisy"])
def test_features_that_are_not_rotated_are_decoded(kind):
    network = Toy(kind=kind)
    made, history = fitted(network, 25, 200, learning_rate=5e-3)
    first, best = history[0], next(row for row in history if row["best"])
    assert best["validation_loss"] < 0.25 * first["validation_loss"]
    seen, secrets = scene(network)
    guess = made.guess(seen)
    assert guess.second is None and guess.angles is None and guess.labels is None
    assert guess.images.shape == (20, 3, 8, 8)
    grey = rmse(torch.full_like(secrets.images, 0.5), secrets.images)
    assert rmse(guess.images, secrets.images) < 0.5 * grey


def test_jointly_both_parts_are_channels_of_one_input():
    network = Toy()
    made = attacker(network)
    seen, _ = scene(network, 3)
    real, imaginary = parts(seen.x)
    inputs = made.inputs(seen)
    assert inputs.shape == (3, 8, 8, 8)
    assert torch.equal(inputs[:, :4], real) and torch.equal(inputs[:, 4:], imaginary)


def test_separately_each_part_has_its_own_image_as_target_and_the_real_one_answers():
    network = Toy()
    made = attacker(network, parts="separate")
    batch = next(own_data(network).hidden_batches(5, 0))
    decoded = made.decoder.eval()(batch.seen.x)
    expected = [
        (part - image).square().mean()
        for part, image in zip(decoded.chunk(2), (batch.images, batch.partners), strict=True)
    ]
    assert torch.allclose(made.loss(batch), (expected[0] + expected[1]) / 2)
    assert torch.allclose(made.guess(batch.seen).images, decoded[:5], atol=1e-6)


def test_the_guess_of_an_image_does_not_depend_on_its_neighbours():
    network = Toy()
    made, _ = fitted(network, 1)
    seen, _ = scene(network)
    one = made.guess(seen.take(slice(4, 5))).images
    assert torch.allclose(one, made.guess(seen).images[4:5], atol=1e-5)


# Two images -------------------------------------------------------------------------------------


def test_two_images_are_right_in_either_order():
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    guesses = torch.tensor([0.8, 1.0]).view(2, 1, 1, 1), torch.tensor([0.0, 0.1]).view(2, 1, 1, 1)
    # Crossed: 0.2^2 and 0^2; straight: 0^2 and 0.4^2.
    expected = (0.04 + 0.16) / 2 / 2
    assert either_order(guesses, images).item() == pytest.approx(expected)
    assert either_order(guesses[::-1], images).item() == pytest.approx(expected)


def test_a_blend_is_no_better_than_half_way_in_both_places():
    images = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    blend = (torch.full((1, 1, 2, 2), 0.5),) * 2
    assert either_order(blend, images).item() == pytest.approx(0.25)


class Unturned(Toy):
    """Mixes images without turning them, so that little training finds both."""

    def hide(self, a, b, angles, swapped):
        return super().hide(a, b, torch.full_like(angles, 1.0), swapped)


def test_two_images_are_found_where_one_guess_could_only_blend_them():
    network = Unturned(swap="sample")
    made = attacker(network, method="two_image", max_epochs=25, learning_rate=0.03)
    made.decoder = seeded(lambda: nn.Conv2d(8, 6, 1), 0, "linear")
    own = own_data(network, 200)
    history = made.fit(own)
    batch = next(own.validation_batches(20))
    blend = rmse((batch.images + batch.partners) / 2, batch.images) ** 2
    assert min(row["validation_loss"] for row in history) < 0.1 * blend
    guess = made.guess(batch.seen)
    errors = [(g - batch.images).square().flatten(1).mean(1) for g in (guess.images, guess.second)]
    assert torch.minimum(*errors).mean() < 0.1 * blend
    # Which of both came first says nothing.
    assert 3 < (errors[0] < errors[1]).sum() < 17
    assert guess.angles is None


def test_what_is_seen_is_turned_back_before_it_is_decoded(monkeypatch):
    network = Unturned()
    made = attacker(network, method="two_image", align="ica")
    facts = []
    monkeypatch.setattr(blind, "own_facts", lambda own: facts.append(own) or {})
    monkeypatch.setattr(blind, "estimate", lambda method, x, facts: torch.ones(len(x) // 2))
    own = own_data(network)
    monkeypatch.setattr(two_image, "fit_decoder", lambda *parts: [])
    made.fit(own)
    assert facts == [own]
    batch = next(own.hidden_batches(5, 0))
    expected = made.decoder.eval()(torch.cat([batch.a, batch.b], dim=1)).chunk(2, dim=1)
    guess = made.guess(batch.seen)
    assert torch.allclose(guess.images, expected[0], atol=1e-5)
    assert torch.allclose(guess.second, expected[1], atol=1e-5)
    assert guess.angles.tolist() == [1.0] * 5


@pytest.mark.parametrize("align", ["quadrant", "matched", "ica"])
def test_every_learning_free_attack_can_turn_x_back(align):
    network = Toy()
    made, _ = fitted(network, 1, method="two_image", align=align)
    guess = made.guess(scene(network)[0])
    assert guess.angles.shape == (20,)
    assert (guess.angles >= 0).all() and (guess.angles < 2 * math.pi).all()


def test_without_rotation_there_is_one_image():
    network = Toy(kind="original")
    made, _ = fitted(network, 1, method="two_image", align="ica")
    guess = made.guess(scene(network)[0])
    assert guess.images.shape == (20, 3, 8, 8) and guess.second is None and guess.angles is None


# All of them ------------------------------------------------------------------------------------

WAYS = {
    "joint": {},
    "separate": {"parts": "separate"},
    "unet": {"decoder": "unet", "width": 2},
    "two-image": {"method": "two_image", "align": "matched"},
}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_learned_can_be_kept_and_loaded(way):
    network = Toy()
    made, _ = fitted(network, 2, **WAYS[way])
    again = attacker(network, **WAYS[way])
    seen, _ = scene(network)
    again.load({key: value.clone() for key, value in made.tensors().items()})
    for one, two in zip(
        vars(made.guess(seen)).values(), vars(again.guess(seen)).values(), strict=True
    ):
        assert (one is None and two is None) or torch.equal(one, two)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("way", ["unet", "two-image"])
def test_a_resumed_attacker_equals_an_uninterrupted_one(way, tmp_path, monkeypatch):
    whole, rows = fitted(Toy(), 3, **WAYS[way])
    network = Toy()
    made, calls = attacker(network, max_epochs=3, **WAYS[way]), []
    loss = made.loss

    def failing(batch):
        calls.append(batch)
        if len(calls) == 5:
            raise StoppedError
        return loss(batch)

    monkeypatch.setattr(made, "loss", failing)
    with pytest.raises(StoppedError):
        made.fit(own_data(network, state=State(tmp_path, {}, interval=0)))
    second, again = fitted(Toy(), 3, state=State(tmp_path, {}), **WAYS[way])
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in again]
    for key, value in whole.tensors().items():
        assert torch.equal(value, second.tensors()[key]), key


@pytest.mark.parametrize("way", ["separate", "two-image"])
def test_mixed_precision_trains_and_the_guess_is_in_single(way):
    rows = [fitted(Toy(), 3, precision=name, **WAYS[way])[1] for name in ("fp32", "bf16")]
    losses = [[row["validation_loss"] for row in history] for history in rows]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)
    made, _ = fitted(Toy(), 1, precision="bf16", **WAYS[way])
    assert made.guess(scene(Toy())[0]).images.dtype == torch.float32


def test_pieces_of_a_guess_are_put_together():
    pieces = [Guess(angles=torch.tensor([0.1])), Guess(angles=torch.tensor([0.2, 0.3]))]
    whole = gather(pieces)
    assert whole.angles.tolist() == pytest.approx([0.1, 0.2, 0.3]) and whole.images is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "decoed"}, "attack.method: 'decoed' is not allowed.*did you mean 'decode'"),
        ({"parts": "jointly"}, "attack.parts: 'jointly' is not allowed"),
        ({"precision": "fp16"}, "attack.precision: 'fp16' is not allowed"),
        ({"optimizer": "rmsprop"}, "attack.optimizer: 'rmsprop' is not allowed"),
    ],
)
def test_what_is_no_attack_is_refused(changes, message):
    with pytest.raises(ReveilError, match=message):
        fitted(Toy(), 1, **changes)


@pytest.mark.parametrize("changes", [{"parts": "separate"}, {"method": "two_image"}])
def test_noise_in_place_of_an_image_is_not_hunted_for(changes):
    with pytest.raises(ReveilError, match="b is noise"):
        attacker(Toy(counterpart="noise"), **changes)
    made, _ = fitted(Toy(counterpart="noise"), 1)
    assert made.joint
