"""Whether a guess gives away whose image it is: its place among all images it could be.

A guess may be tried in several forms, such as mirrored, since the mirror image of a victim gives it
away as well. The distance of an image is then that of the form nearest to it. All images of the
gallery have the same choice; the best of a rank for each form would instead be 1 by chance as many
times as often as there are forms.

A guess that says nothing of the victim has every rank equally often, however it looks and in
however many forms, as long as victims are drawn from the gallery: the mean rank is (N + 1) / 2, and
rank 1 comes once in N. That chance level holds for the untouched images; the rank with the victim's
own entry replaced by what it used has no such level, since an image that a policy made dark is near
to any dark guess.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.errors import ReveilError

# Gallery images at a time: 2,000 of 3x64x64 are 200 MB as float64.
CHUNK = 2_000
# Distances that are equal but for rounding do not push a victim down.
TOLERANCE = 1e-9


def ranks(
    forms: Tensor, originals: Tensor, used: Tensor, images: Sequence[int], gallery: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the ranks of the victims' images by mean squared error to their guesses, from 1.

    A rank is one more than the number of other images of the gallery that are nearer to the guess:
    to whichever of its forms is nearest to each.

    Args:
        forms: (K, B, C, H, W) on the [0, 1] scale, K forms of each guess.
        originals: (B, C, H, W) uint8, the victims' images, untouched.
        used: likewise, what each victim used.
        images: places of the victims' images in the gallery.
        gallery: (N, C, H, W) uint8, untouched images as the network sees them.

    Returns:
        (B,) ranks with the victim's image as it is in the gallery, and (B,) with what the victim
        used in its place.

    Raises:
        ReveilError: the gallery does not hold the victims' images at their places.
    """
    places = torch.as_tensor(images, dtype=torch.int64)
    if max(images, default=-1) >= len(gallery) or not torch.equal(gallery[places], originals):
        raise ReveilError(
            f"gallery: its {len(gallery)} images {tuple(gallery.shape[1:])} are not those of the "
            f"victims {tuple(images)[:5]}...; allowed: all images of the victims' split in order, "
            "as the network sees them"
        )
    guesses = forms.double().flatten(2)
    rows = torch.arange(len(places))
    own = _distances(guesses, originals)[rows, rows]
    replaced = _distances(guesses, used)[rows, rows]

    def nearer(piece: slice) -> Tensor:
        distances = _distances(guesses, gallery[piece])
        other = torch.arange(len(gallery))[piece] != places[:, None]
        limits = torch.stack([own, replaced])[:, :, None]
        return ((distances < limits - TOLERANCE) & other).sum(2)

    counts = torch.stack(run_in_chunks(nearer, len(gallery), CHUNK, what="images compared")).sum(0)
    return counts[0] + 1, counts[1] + 1


def _distances(guesses: Tensor, images: Tensor) -> Tensor:
    """Return (B, n) squared distances of guesses (K, B, D) and images, of the nearest form."""
    pixels = images.flatten(1).double().div_(255)
    squares = guesses.square().sum(2, keepdim=True) + pixels.square().sum(1)
    return (squares - 2 * guesses @ pixels.T).amin(0)
