"""Which features a is mixed with, in training and in tests."""

import math

import pytest
import torch

from reveil.cvnn.counterparts import from_previous, in_pairs, noise_like, pair_count, partners
from reveil.cvnn.key_accuracy import KeyDraws, noise_of
from reveil.errors import ReveilError
from reveil.rng import generator


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [0]),
        (2, [1, 0]),
        (3, [2, 0, 0]),
        (6, [3, 4, 5, 0, 1, 2]),
        (7, [4, 5, 6, 0, 0, 1, 2]),
    ],
)
def test_the_halves_of_a_batch_are_each_others_counterparts(count, expected):
    assert in_pairs(torch.arange(count)).tolist() == expected
    assert partners("pair", count, seed=0).tolist() == expected


@pytest.mark.parametrize("count", [2, 3, 8, 9])
def test_all_images_of_pairs_count_once_and_in_order(count):
    x = torch.arange(count)
    a, b = x[: pair_count(count)], in_pairs(x)[: pair_count(count)]
    assert torch.cat([a, b])[:count].tolist() == list(range(count))
    assert not (a == b).any()


@pytest.mark.parametrize("count", [2, 3, 17])
def test_a_permutation_leaves_no_image_with_itself(count):
    for epoch in range(20):
        chosen = partners("permutation", count, 0, epoch)
        assert sorted(chosen.tolist()) == list(range(count))
        assert not (chosen == torch.arange(count)).any()


def test_permutations_belong_to_their_stream():
    first, again, other = (partners("permutation", 30, 0, *ids) for ids in ((1, 2), (1, 2), (1, 3)))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", ["previous", "permutations"])
def test_counterparts_that_are_not_in_the_batch(kind):
    with pytest.raises(ReveilError, match=f"counterpart: '{kind}'.*allowed: pair, permutation"):
        partners(kind, 4, 0)


def test_a_shorter_previous_batch_starts_again():
    assert from_previous(5, 5).tolist() == [0, 1, 2, 3, 4]
    assert from_previous(5, 2).tolist() == [0, 1]
    assert from_previous(2, 5).tolist() == [0, 1, 0, 1, 0]


def test_noise_has_the_magnitude_of_the_features():
    features = torch.tensor([[3.0, -4.0], [0.0, 2.0]]).view(2, 1, 1, 2).requires_grad_()
    noise = torch.tensor([[1.0, 1.0], [-1.0, 2.0]]).view(2, 1, 1, 2)
    made = noise_like(features, noise).view(2, 2)
    expected = [[math.sqrt(12.5)] * 2, [-math.sqrt(2), 2 * math.sqrt(2)]]
    torch.testing.assert_close(made, torch.tensor(expected))
    assert not made.requires_grad


# Tests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 8, 33])
def test_every_test_image_counts_once_and_has_another_one_beside_it(count):
    draws = KeyDraws.make(count, 3, swaps=True)
    assert sorted(draws.shown[draws.counted].tolist()) == list(range(count))
    first, second = draws.shown.view(2, -1)
    assert not (first == second).any()
    for angles in (draws.angles, draws.guesses):
        assert ((angles >= 0) & (angles < 2 * math.pi)).all()
    assert not torch.equal(draws.angles, draws.guesses)


def test_wrong_keys_are_a_quarter_turn_away_or_more_and_uniform_there():
    draws = KeyDraws.make(2000, 0, swaps=False)
    away = (draws.wrong - draws.angles).remainder(2 * math.pi)
    assert away.min() >= math.pi / 2 - 1e-5
    assert away.max() <= 3 * math.pi / 2 + 1e-5
    # Five standard deviations of 500 of 2000 are 97.
    assert torch.histc(away, 4, math.pi / 2, 3 * math.pi / 2).min() > 400


def test_test_images_are_exchanged_half_of_the_time_or_never():
    assert 0.4 < KeyDraws.make(1000, 0, swaps=True).swapped.float().mean() < 0.6
    assert not KeyDraws.make(1000, 0, swaps=False).swapped.any()


def test_one_test_image_cannot_be_mixed():
    with pytest.raises(ReveilError, match="test images: 1 is not allowed.*allowed: 2 or more"):
        KeyDraws.make(1, 0, swaps=False)


def test_noise_of_a_test_image_is_its_own():
    features = torch.zeros(3, 2, 4, 4)
    noise = noise_of(5, torch.tensor([7, 2, 9]), features)
    assert torch.equal(noise[1], noise_of(5, torch.tensor([2]), features[:1])[0])
    assert torch.equal(noise[1], torch.randn(2, 4, 4, generator=generator(5, "test noise", 2)))
    assert noise_of(5, torch.tensor([7, 2, 9]), features, shared=True).shape == (2, 4, 4)
