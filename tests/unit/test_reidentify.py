"""The place of a victim's image among all images it could be."""

import pytest
import torch

from reveil import reidentify
from reveil.errors import ReveilError
from reveil.reidentify import ranks
from reveil.rng import generator


@pytest.fixture
def gallery() -> torch.Tensor:
    """Five grey images of four equal pixels: 0, 50, 100, 150, 200."""
    return (50 * torch.arange(5, dtype=torch.uint8)).view(5, 1, 1, 1).expand(5, 1, 2, 2)


def rank(guess: float, own: int, used: int, gallery: torch.Tensor) -> tuple[int, int]:
    """Return the ranks of one victim for a guess of one value on the scale to 255."""
    guessed = torch.full((1, 1, 1, 2, 2), guess / 255, dtype=torch.float64)
    pixels = torch.full((1, 1, 2, 2), used, dtype=torch.uint8)
    plain, replaced = ranks(guessed, gallery[own : own + 1], pixels, (own,), gallery)
    return plain.item(), replaced.item()


@pytest.mark.parametrize(
    ("guess", "own", "used", "expected"),
    [
        (100, 2, 100, (1, 1)),
        # 120 is nearest to 100, then 150, 50, 200, 0.
        (120, 3, 150, (2, 2)),
        (120, 0, 0, (5, 5)),
        # What the victim used, 130, is nearer than anything else; its image 0 is the last.
        (120, 0, 130, (5, 1)),
        # And the other way round: the image itself is nearest, but the victim used 255.
        (0, 0, 255, (1, 5)),
        # A guess outside the range is compared as it is.
        (1000, 4, 200, (1, 1)),
    ],
)
def test_ranks_by_hand(gallery, guess, own, used, expected):
    assert rank(guess, own, used, gallery) == expected


def test_equal_distances_do_not_push_down(gallery):
    assert rank(125, 2, 100, gallery) == rank(125, 3, 150, gallery) == (1, 1)
    twice = torch.cat([gallery, gallery])
    assert rank(100, 2, 100, twice) == rank(100, 7, 100, twice) == (1, 1)


def test_pieces_of_the_gallery_equal_a_loop(monkeypatch):
    stream = generator(0, "test")
    gallery = torch.randint(0, 256, (23, 3, 4, 4), generator=stream, dtype=torch.uint8)
    used = torch.randint(0, 256, (6, 3, 4, 4), generator=stream, dtype=torch.uint8)
    images = (3, 0, 22, 7, 8, 9)
    forms = torch.randn(2, 6, 3, 4, 4, generator=stream, dtype=torch.float64)
    monkeypatch.setattr(reidentify, "CHUNK", 5)
    plain, replaced = ranks(forms, gallery[list(images)], used, images, gallery)
    for i, image in enumerate(images):
        errors = (gallery.double() / 255 - forms[:, i, None]).square().mean((2, 3, 4)).amin(0)
        own = (used[i].double() / 255 - forms[:, i]).square().mean((1, 2, 3)).min()
        others = torch.cat([errors[:image], errors[image + 1 :]])
        assert plain[i].item() == 1 + int((others < errors[image]).sum())
        assert replaced[i].item() == 1 + int((others < own).sum())


@pytest.mark.parametrize("count", [1, 4])
def test_a_guess_of_nothing_has_the_mean_rank_of_chance(count):
    """Every image attacked, with one and the same guess: ranks 1 to N, once each.

    So rank 1 comes once in N in however many forms the guess is tried. The best of a rank for each
    of four forms would be 1 up to four times.
    """
    stream = generator(1, "test")
    gallery = torch.randint(0, 256, (40, 1, 4, 4), generator=stream, dtype=torch.uint8)
    forms = torch.rand(count, 1, 1, 4, 4, generator=stream).expand(-1, 40, -1, -1, -1)
    plain, _ = ranks(forms, gallery, gallery, range(40), gallery)
    assert sorted(plain.tolist()) == list(range(1, 41))
    apart = [ranks(form[None], gallery, gallery, range(40), gallery)[0] for form in forms]
    assert sum(torch.stack(apart).amin(0) == 1) == count


def test_the_nearest_form_decides_for_every_image(gallery):
    """Forms 20 and 160: nearest are 150 (10), 0 (20), 50 (30), 200 (40), 100 (60)."""
    forms = torch.tensor([20.0, 160.0]).view(2, 1, 1, 1, 1).expand(-1, 5, 1, 2, 2) / 255
    plain, _ = ranks(forms, gallery, gallery, range(5), gallery)
    assert plain.tolist() == [2, 3, 5, 1, 4]


def test_a_gallery_of_other_images_is_refused(gallery):
    forms = torch.zeros(1, 1, 1, 2, 2)
    for images, own in (((5,), gallery[:1]), ((1,), gallery[:1]), ((0,), gallery[:1, :, :1])):
        with pytest.raises(ReveilError, match="all images of the victims' split"):
            ranks(forms, own, own, images, gallery)
