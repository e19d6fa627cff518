"""Which guess belongs to which image of a batch."""

import itertools

import pytest
import torch

from reveil.assignment import assign, batch_of
from reveil.errors import ReveilError
from reveil.rng import generator


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(0, "test", *shape), dtype=torch.float64)


def test_swapped_guesses_are_assigned_back():
    reference = images(6, 3, 4, 4)
    order = torch.tensor([[2, 0, 1], [0, 2, 1]])
    batches = reference.view(2, 3, 3, 4, 4)
    guess = torch.stack([batches[p][order[p]] for p in range(2)]) + 0.01
    found = assign(guess, reference, None)
    assert found.batch == 3
    assert found.problem.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.position.tolist() == [1, 2, 0, 0, 2, 1]
    torch.testing.assert_close(found.take(guess, 3), reference + 0.01)


def test_the_sum_is_lowest_of_all_orders():
    reference, guess = images(4, 1, 3, 3), images(1, 4, 1, 3, 3)
    errors = (reference[:, None] - guess[0]).square().mean((2, 3, 4))
    best = min(
        itertools.permutations(range(4)),
        key=lambda order: sum(errors[i, order[i]] for i in range(4)),
    )
    assert tuple(assign(guess, reference, None).position.tolist()) == best


def test_a_greedy_choice_would_be_wrong():
    """Image 0 is nearest to the guess 0, but 1 + 100 is less than 0 + 121."""
    reference = torch.tensor([0.0, 10.0]).view(2, 1, 1, 1)
    guess = torch.tensor([[0.0, -1.0]]).view(1, 2, 1, 1, 1)
    assert assign(guess, reference, None).position.tolist() == [1, 0]


def test_declared_classes_fix_the_order_but_for_equal_ones():
    reference = images(4, 1, 3, 3)
    guess = reference.flip(0)[None]
    position = {
        (0, 1, 2, 3): [0, 1, 2, 3],
        (5, 5, 5, 5): [3, 2, 1, 0],
        (1, 7, 2, 1): [3, 1, 2, 0],
        (4, 0, 0, 3): [0, 2, 1, 3],
    }
    for labels, expected in position.items():
        assert assign(guess, reference, torch.tensor(labels)).position.tolist() == expected


def test_batches_of_one_have_nothing_to_assign():
    reference = images(3, 1, 2, 2)
    found = assign(reference.flip(0), reference, None)
    assert found.batch == batch_of(reference) == 1
    assert found.problem.tolist() == [0, 1, 2]
    assert found.position.tolist() == [0, 0, 0]
    assert torch.equal(found.take(reference, 3), reference)
    assert torch.equal(found.take(reference[:, None], 3), reference)


def test_values_of_gradients_and_of_guesses_are_taken():
    guess = torch.tensor([[4.0, 0.0], [1.0, 2.0]]).view(2, 2, 1, 1, 1)
    found = assign(guess, torch.tensor([0.0, 4.0, 1.0, 2.0]).view(4, 1, 1, 1), None)
    assert found.position.tolist() == [1, 0, 0, 1]
    assert found.take(torch.tensor([7.0, 8.0])).tolist() == [7.0, 7.0, 8.0, 8.0]
    assert found.take(torch.tensor([[1, 2], [3, 4]])).tolist() == [2, 1, 3, 4]
    pairs = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    assert found.take(pairs, 1).tolist() == [*[pairs[0].tolist()] * 2, *[pairs[1].tolist()] * 2]


def test_a_broken_guess_is_nobodys_first_choice():
    reference = images(3, 1, 2, 2)
    guess = reference.flip(0)[None].clone()
    guess[0, 0] = torch.inf
    assert assign(guess, reference, None).position.tolist() == [2, 1, 0]
    guess[0, 0] = torch.nan
    assert assign(guess, reference, None).position.tolist() == [2, 1, 0]


def test_too_few_guesses_are_refused():
    with pytest.raises(ReveilError, match="2 gradients of 3 images for 5 images"):
        assign(images(2, 3, 1, 2, 2), images(5, 1, 2, 2), None)
