"""Batches of measurements: which rows an epoch has, in which order."""

import torch

from reveil.unir.feed import Feed
from reveil.unir.variants import get
from tests.reconstructing import measured, recipe

COUNT, BATCHES = 26, 3


def feed(seed=0, corruption="fixed"):
    """26 measurements make three batches of 8, and two are left over."""
    return Feed(measured(count=COUNT, corruption=corruption), get("unir"), recipe(), seed)


def order(made, epoch):
    """Return the rows of an epoch."""
    first = epoch * BATCHES
    return torch.cat([made.rows(batch)[0] for batch in range(first, first + BATCHES)]).tolist()


def test_every_epoch_has_an_order_of_its_own():
    made = feed()
    orders = [order(made, epoch) for epoch in range(4)]
    for rows in orders:
        assert len(rows) == len(set(rows)) == 24
        assert rows != sorted(rows)
    assert len({tuple(rows) for rows in orders}) == 4
    # What is left over is not the same in all of them.
    assert set().union(*orders) == set(range(COUNT))
    assert order(feed(seed=1), 0) != orders[0]


def test_a_batch_has_the_order_of_its_epoch_whatever_was_asked_for_before():
    orders, made = [order(feed(), epoch) for epoch in range(3)], feed()
    for epoch in (2, 0, 1, 0):
        assert order(made, epoch) == orders[epoch]


def test_a_batch_is_measured_as_its_epoch_is():
    made = feed(corruption="fresh")
    for batch in (1, BATCHES + 1, 2 * BATCHES):
        rows, _ = made.rows(batch)
        y = made.data(batch, lambda x: x).y
        for epoch in range(3):
            same = torch.equal(y, made.measurements.y(rows, epoch))
            assert same == (epoch == batch // BATCHES)
