"""Nearest neighbours of recovered features, computed by hand."""

import math

import numpy as np
import pytest
import torch

from reveil.cvnn import keeping
from reveil.cvnn.attackers import neighbours
from reveil.cvnn.attackers.interface import Guess, Remembers, make_attacker
from reveil.cvnn.attackers.kept import PreparedImages, collect
from reveil.cvnn.attackers.neighbours import majority, nearest, vote
from reveil.cvnn.attackers.recovered import compact, features
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import rotate, stack
from reveil.errors import ReveilError
from tests.hidden import VIEW, Largest, Toy, attack, own_data, pixels


class KnowsTheKey:
    """An attacker inside, which guesses the angles that it was made with."""

    def __init__(self, angles):
        self.angles = angles

    def guess(self, seen):
        return Guess(angles=self.angles)


def knn(network, count=1, inner=None):
    preset = attack(method="knn", neighbours=count)
    return make_attacker(preset, network, name="knn", shape=(3, 8, 8), seed=0, inner=inner)


# The nearest ------------------------------------------------------------------------------------


def test_the_nearest_rows_come_first_with_their_distances():
    gallery = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [6.0, 8.0]])
    index, distances = nearest(torch.tensor([[0.0, 0.0], [3.0, 0.0]]), gallery, 3)
    assert index.tolist() == [[0, 2, 1], [0, 2, 1]]
    expected = [[0, 1, 5], [3, math.sqrt(10), 4]]
    assert torch.allclose(distances, torch.tensor(expected))


def test_of_equally_near_rows_the_first_are_taken():
    gallery = torch.tensor([[2.0], [0.0], [2.0], [0.0]])
    index, distances = nearest(torch.tensor([[1.0]]), gallery, 3)
    assert index.tolist() == [[0, 1, 2]] and distances.tolist() == [[1, 1, 1]]


def test_pieces_change_nothing(monkeypatch):
    draws = torch.Generator().manual_seed(0)
    queries, gallery = (torch.randn(n, 6, generator=draws) for n in (9, 50))
    truth = torch.cdist(queries.double(), gallery.double()).sort(dim=1)
    for numbers in (1 << 24, 30, 1):
        monkeypatch.setattr(neighbours, "CHUNK_NUMBERS", numbers)
        index, distances = nearest(queries, gallery, 5)
        assert torch.equal(index, truth.indices[:, :5])
        assert torch.allclose(distances.double(), truth.values[:, :5], atol=1e-5)


def test_distances_are_exact_far_from_the_origin():
    # |q|^2 is 1e10: the product that finds candidates rounds to hundreds, the distances do not.
    gallery = torch.full((5, 1), 1e5) + torch.tensor([[3.0], [0.0], [1.0], [2.0], [4.0]])
    index, distances = nearest(gallery[1:2], gallery, 3)
    assert index.tolist() == [[1, 2, 3]] and distances.tolist() == [[0, 1, 2]]


# The vote ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "distances", "winner"),
    [
        ([4, 7, 7], [1.0, 3.0, 3.0], 4),  # 1 against 2/3
        ([4, 7, 7], [1.0, 1.5, 1.9], 7),  # 1 against 1.19
        ([7, 4, 4], [1.0, 2.0, 2.0], 4),  # 1 against 1: the lower class
        ([9, 9, 2], [1e-9, 1e-9, 0.0], 2),  # no distance beats any
        ([9, 2, 2], [0.0, 0.1, 0.1], 9),
        ([9, 9, 2], [0.0, 0.0, 0.0], 9),  # one vote each
        ([9, 2, 3], [0.0, 0.0, 1.0], 2),
        ([5], [0.0], 5),
    ],
    ids=["nearer", "more", "tie", "exact", "exact-first", "copies", "exact-tie", "alone"],
)
def test_votes_are_weighted_by_the_inverse_of_the_distance(classes, distances, winner):
    assert vote(torch.tensor([classes]), torch.tensor([distances])).tolist() == [winner]


def test_attributes_are_those_of_more_than_half():
    voters = torch.tensor([[[True, True, False], [True, False, False], [False, False, True]]])
    assert majority(voters).tolist() == [[True, False, False]]
    assert majority(voters[:, :2]).tolist() == [[True, False, False]]


# The attacker -----------------------------------------------------------------------------------


def test_own_features_find_themselves():
    network = Toy(kind="original")
    classes = torch.arange(40) * 2
    own = own_data(network, targets=classes)
    attacker = knn(network)
    assert attacker.fit(own) == []
    guess = attacker.guess(Intercepted(own.features(torch.tensor([5, 39, 0])), False))
    assert guess.labels.tolist() == [10, 78, 0]
    assert guess.images is None and guess.angles is None
    # With five neighbours the four others, which have a distance, do not count.
    attacker = knn(network, 5)
    attacker.fit(own)
    assert attacker.guess(Intercepted(own.features(torch.tensor([5])), False)).labels == 10


def test_rotated_features_are_turned_back_by_the_key_of_the_attack_inside():
    network = Toy()
    own = own_data(network, targets=torch.arange(40))
    angles = torch.tensor([0.3, 2.5, 4.0])
    a, b = own.features(torch.tensor([5, 39, 0])), own.features(torch.tensor([1, 2, 3]))
    seen = Intercepted(rotate(stack(a, b), angles), True)
    assert torch.allclose(features(seen, KnowsTheKey(angles)), a, atol=1e-5)
    attacker = knn(network, inner=KnowsTheKey(angles))
    attacker.fit(own)
    assert attacker.guess(seen).labels.tolist() == [5, 39, 0]
    attacker.inner = KnowsTheKey(angles - math.pi / 2)  # Re[x e^{-i(θ - π/2)}] = -b
    assert attacker.guess(seen).labels.tolist() != [5, 39, 0]


def test_attributes_are_guessed_for_every_image():
    network = Toy(kind="original")
    attributes = torch.arange(40)[:, None] >= torch.tensor([10, 20, 30])
    own = own_data(network, targets=attributes)
    attacker = knn(network)
    attacker.fit(own)
    guess = attacker.guess(Intercepted(own.features(torch.tensor([5, 25])), False))
    assert guess.labels.tolist() == [[False] * 3, [True, True, False]]


def test_what_was_kept_is_all_that_is_needed():
    network = Toy(kind="original")
    own = own_data(network, targets=torch.arange(40), chunk=7)
    first, second = knn(network, 3), knn(network, 3)
    first.fit(own)
    kept = first.tensors()
    assert list(kept) == ["targets"]  # the features of own images are computed again
    second.load(kept)
    assert isinstance(second, Remembers)
    with pytest.raises(ReveilError, match="attack knn: no own images to look up"):
        second.guess(Intercepted(own.features(torch.arange(4)), False))
    with pytest.raises(ReveilError, match="39 own images are not allowed; allowed: the 40 that"):
        second.recall(own_data(network, 39))
    second.recall(own_data(network, chunk=9))
    assert second.gallery.shape == (40, 256) and second.gallery.dtype == torch.float16
    seen = Intercepted(own.features(torch.arange(40)) + 0.3, False)
    assert torch.equal(first.guess(seen).labels, second.guess(seen).labels)


def test_a_gallery_beyond_the_memory_lies_in_a_file(monkeypatch):
    network = Toy(kind="original")
    small, large = knn(network, 3), knn(network, 3)
    seen = Intercepted(own_data(network).features(torch.arange(40)) + 0.3, False)
    small.fit(own_data(network, targets=torch.arange(40)))
    monkeypatch.setattr(keeping, "KEPT_BYTES", 5000)
    monkeypatch.setattr(neighbours, "CHUNK_NUMBERS", 256 * 4)
    with Largest() as largest:
        large.fit(own_data(network, targets=torch.arange(40), chunk=4))
        found = [large.guess(seen.take(rows)).labels for rows in torch.arange(40).split(4)]
    assert torch.equal(torch.cat(found), small.guess(seen).labels)
    assert torch.equal(large.gallery, small.gallery)
    # Not the 20 KiB of the gallery: of one query, its k + 8 candidates of 256 floats.
    assert largest.bytes == 11 * 256 * 4


def test_pieces_of_a_wider_type_widen_all(monkeypatch, tmp_path):
    pieces = [torch.tensor([[1.0, 2.0]]).half(), torch.tensor([[7e4, 3.0]])]
    for limit in (1 << 20, 0):
        monkeypatch.setattr(keeping, "KEPT_BYTES", limit)
        held = collect(iter(pieces), 3, tmp_path / "scratch")
        assert held.tolist() == [[1, 2], [7e4, 3]] and held.dtype == torch.float32
    assert list((tmp_path / "scratch").iterdir()) == []


def test_prepared_images_are_read_when_they_are_needed():
    raw = pixels(30)
    rows = np.array([2, 5, 29, 11])
    prepared = PreparedImages(raw, rows, VIEW)
    assert len(prepared) == 4 and prepared.nbytes == 4 * 3 * 8 * 8
    assert np.array_equal(prepared[torch.tensor([3, 0])].numpy(), raw[[11, 2]])
    assert np.array_equal(prepared.to(torch.device("cpu")).numpy(), raw[rows])


def test_half_precision_only_where_it_holds_the_numbers():
    assert compact(torch.tensor([6e4])).dtype == torch.float16
    assert compact(torch.tensor([7e4])).tolist() == [7e4]


def test_what_cannot_be_done_is_said():
    with pytest.raises(ReveilError, match="inner: 'inversion1-both' has no trained attacker here"):
        knn(Toy())
    network = Toy(kind="original")
    with pytest.raises(ReveilError, match="own images have no targets"):
        knn(network).fit(own_data(network))
    with pytest.raises(ReveilError, match="neighbours: 41 is not allowed; allowed: 1 to 40"):
        knn(network, 41).fit(own_data(network, targets=torch.arange(40)))
