"""The judge: how close each guess came, beside what guesses without a gradient reach."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reveil.assignment import Assignment, assign
from reveil.attacks.interface import Reconstruction
from reveil.errors import ReveilError, not_allowed
from reveil.floors import best, floors, registered_floor
from reveil.registration import psnr_registered
from reveil.reidentify import ranks
from reveil.scene import Victims
from reveil.similarity import psnr, ssim
from reveil.views import View

REFERENCES = ("transformed", "original", "content")
FACTS = ("contrast", "edge_density", "victim_loss", "victim_confidence", "gradient_norm")
# The columns that say something of a guess: empty where there is none.
MEASURES = (
    *("label_guess", "label_correct", "psnr_db", "ssim", "lpips", "gain_db", "psnr_original_db"),
    *("ssim_original", "psnr_content_db", "gain_content_db", "psnr_registered_db"),
    *("shift_y", "shift_x", "psnr_unshifted_db", "psnr_unshifted_original_db", "hypothesis"),
    *("reid_rank", "reid_rank_used"),
)


def judge(
    reconstruction: Reconstruction,
    victims: Victims,
    view: View,
    seed: int,
    *,
    reference: str = "transformed",
    gallery: Tensor | None = None,
    facts: Mapping[str, Tensor] | None = None,
    lpips: nn.Module | None = None,
) -> list[dict[str, Any]]:
    """Compare the guesses with the images; return one row of the tidy table per image.

    The columns are those of images.csv after its names, always all of them; one that does not apply
    is NaN. The measures of a failed image are NaN; its floors and facts, which need no guess, are
    not.

    Args:
        view: that the victims were staged with.
        seed: of the run, for the floors.
        reference: what ``psnr_db``, ``ssim``, ``lpips``, the registered PSNR and the floors compare
            with: ``transformed``, what the victim used; ``original``; or ``content``, the pixels of
            the former that are no fill (``ssim`` and ``lpips`` then are those of ``transformed``).
            The registered PSNR always leaves fill out.
        gallery: (N, C, H, W) uint8, all images of the victims' split as the network sees them,
            untouched, for the ranks of the guess, its mirror image and both without a learnt move;
            see :func:`reveil.reidentify.ranks`.
        facts: (B,) values of ``FACTS``; see :func:`reveil.facts.image_facts`.
        lpips: see :func:`reveil.lpips.load`.

    Raises:
        ReveilError: an unknown reference, guesses and images that differ in number, or images that
            are not in the gallery.
    """
    if reference not in REFERENCES:
        raise ReveilError(not_allowed("psnr_reference", reference, REFERENCES))
    assignment = matched(reconstruction, victims, view, reference=reference)
    guess = view.denormalise(assignment.take(reconstruction.x.cpu(), 3).double())
    still = _unshifted(reconstruction, assignment, view)
    used = victims.pixels.cpu().double() / 255
    original = victims.originals.cpu().double() / 255
    content = victims.content.cpu()
    against = original if reference == "original" else used
    mask = content if reference == "content" else None
    shown = None if reference == "original" else content
    floor = floors(against, victims.images, view, seed, mask)
    content_floor = floors(used, victims.images, view, seed, content)
    main, on_content = psnr(guess, against, mask), psnr(guess, used, content)
    columns = {
        **_names(reconstruction, victims, assignment),
        "psnr_db": main,
        "ssim": ssim(guess, against),
        "lpips": None if lpips is None else lpips(guess, against),
        **{f"floor_{name}_db": values for name, values in floor.items()},
        "floor_db": best(floor),
        "gain_db": main - best(floor),
        "psnr_original_db": psnr(guess, original),
        "ssim_original": ssim(guess, original),
        "psnr_content_db": on_content,
        "floor_content_db": best(content_floor),
        "gain_content_db": on_content - best(content_floor),
        "content_fraction": content.double().mean((1, 2, 3)),
        "psnr_registered_db": psnr_registered(guess, against, shown),
        "floor_registered_db": registered_floor(against, view, shown),
        **_moves(reconstruction, assignment, view),
        **_still(still, used, original),
        "hypothesis": _hypothesis(reconstruction, assignment),
        **_ranks(guess, still, victims, gallery),
        **{name: None if facts is None else facts[name] for name in FACTS},
        **_work(reconstruction, assignment),
    }
    return _rows(columns, len(victims.images))


def matched(
    reconstruction: Reconstruction, victims: Victims, view: View, *, reference: str = "transformed"
) -> Assignment:
    """Return which guess each image got.

    Args:
        reference: as for :func:`judge`; guesses are compared with the whole image.

    Raises:
        ReveilError: guesses and images differ in number.
    """
    pixels = victims.originals if reference == "original" else victims.pixels
    x = reconstruction.x.cpu().double()
    guess = view.denormalise(x.flatten(0, -4)).view_as(x)
    declared = victims.labels.cpu() if reconstruction.labels is None else None
    return assign(guess, pixels.cpu().double() / 255, declared)


def _names(found: Reconstruction, victims: Victims, assignment: Assignment) -> dict[str, Any]:
    labels = victims.labels.cpu()
    guesses = labels if found.labels is None else assignment.take(found.labels.cpu())
    return {
        "image": victims.images,
        "label": labels,
        "label_guess": guesses,
        "label_correct": (guesses == labels).long(),
        "member": victims.member.cpu(),
        "augment": [victims.augment] * len(victims.images),
        "batch": [assignment.batch] * len(victims.images),
        "position": assignment.position,
    }


def _moves(found: Reconstruction, assignment: Assignment, view: View) -> dict[str, Tensor | None]:
    """Return what attacks report that learn how the victim's image was moved, None elsewhere.

    Their t = (t_x, t_y) says that the image at u shows the unmoved one at u + t, in units of half
    the image (Warmerdam et al. 2022): t = 1 moves the content left or up by half the image.
    """
    if "t" not in found.extras:
        return {"shift_y": None, "shift_x": None}
    t = assignment.take(found.extras["t"].cpu().double(), 1) * -view.size / 2
    return {"shift_y": t[:, 1], "shift_x": t[:, 0]}


def _hypothesis(found: Reconstruction, assignment: Assignment) -> Tensor | None:
    kept = found.extras.get("hypothesis")
    return None if kept is None else assignment.take(kept.cpu().double())


def _unshifted(found: Reconstruction, assignment: Assignment, view: View) -> Tensor | None:
    """Return the guesses before a learnt move or policy, None where the attack learns none."""
    still = found.extras.get("x_unshifted")
    return None if still is None else view.denormalise(assignment.take(still.cpu().double(), 3))


def _still(guess: Tensor | None, used: Tensor, original: Tensor) -> dict[str, Tensor | None]:
    """Return how close these are; no gradient tells whether the victim mirrored the original."""
    if guess is None:
        return {"psnr_unshifted_db": None, "psnr_unshifted_original_db": None}
    either = torch.maximum(psnr(guess, original), psnr(guess.flip(-1), original))
    return {"psnr_unshifted_db": psnr(guess, used), "psnr_unshifted_original_db": either}


def _ranks(
    guess: Tensor, still: Tensor | None, victims: Victims, gallery: Tensor | None
) -> dict[str, Any]:
    if gallery is None:
        return dict.fromkeys(("reid_rank", "reid_rank_used", "reid_gallery"))
    guesses = [guess] if still is None else [guess, still]
    forms = torch.stack([form for x in guesses for form in (x, x.flip(-1))])
    pixels = victims.originals.cpu(), victims.pixels.cpu()
    plain, used = ranks(forms, *pixels, victims.images, gallery.cpu())
    size = [len(gallery)] * len(victims.images)
    return {"reid_rank": plain, "reid_rank_used": used, "reid_gallery": size}


def _work(found: Reconstruction, assignment: Assignment) -> dict[str, Any]:
    problems = assignment.problem.tolist()
    return {
        "cost": assignment.take(found.cost.cpu().double()),
        "iterations": assignment.take(found.iterations.cpu()),
        "wall_seconds": assignment.take(found.seconds.cpu().double()) / assignment.batch,
        "status": [found.status[p] for p in problems],
        "reason": [found.reason[p] for p in problems],
    }


def _rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    lists = {
        name: column.tolist() if isinstance(column, Tensor) else column or [float("nan")] * count
        for name, column in columns.items()
    }
    rows = [{name: values[i] for name, values in lists.items()} for i in range(count)]
    for row in rows:
        if row["status"] != "ok":
            row |= dict.fromkeys(MEASURES, float("nan"))
    return rows
