"""The judge of guesses at hidden images, beside what guesses of nothing reach."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reveil.cvnn.attackers import circular
from reveil.cvnn.attackers.interface import Guess
from reveil.cvnn.scene import Secrets
from reveil.errors import ReveilError
from reveil.floors import constants
from reveil.similarity import psnr, ssim
from reveil.views import View

# The columns that say something of a guess: empty where it failed.
MEASURES = (
    *("theta_guess_rad", "angle_error_rad", "angle_error_quarter_rad", "quarter_turns", "rmse"),
    *("mse_pm1", "mae", "psnr_db", "ssim", "rmse_second", "rmse_partner", "rmse_either"),
    *("label_guess", "label_correct", "attribute_error"),
)


def judge(
    guess: Guess,
    secrets: Secrets,
    view: View,
    *,
    targets: Tensor | None = None,
    majority: Tensor | None = None,
    given_task: Tensor | None = None,
    attacker_epochs: int | None = None,
    wall_seconds: float | None = None,
) -> list[dict[str, Any]]:
    """Compare guesses with what was hidden; return one row of the tidy table per image.

    The columns are those of cvnn_images.schema.yaml after its names, always all of them and in
    order; one that does not apply is NaN. A guess that is not finite is a failed row: its measures
    are NaN, those of the trivial predictors, which need no guess, are not.

    Args:
        guess: for the B images of ``secrets``, on any device.
        view: that the images were hidden with; its dataset's mean colour is the guess of an
            attacker who saw nothing.
        targets: what an inference attack should have found, (B,) int64 or (B, attributes) bool.
        majority: (attributes,) bool, the commoner value of each among the attacker's own images.
        given_task: (B,) int64, the class that the image's label of the task makes likeliest.
        attacker_epochs: after which the attacker's patience ended.
        wall_seconds: for one image.

    Raises:
        ReveilError: guesses and images differ in number, or labels are guessed without targets of
            the same shape.
    """
    count = len(secrets.images)
    _check(guess, targets, count)
    image = secrets.images.cpu().double()
    mixed = len(secrets.partners) == count
    partner = secrets.partners.cpu().double() if mixed else None
    colour = constants(image, view)["mean"].double()
    to_image = rmse(colour, image)
    failed = _failed(guess, count)
    columns = {
        "image": secrets.index,
        "label": secrets.labels,
        "partner": secrets.partner_index if mixed else None,
        "swapped": secrets.swapped.long() if len(secrets.swapped) else None,
        **_angles(guess, secrets),
        **_errors(guess, image, partner),
        "rmse_mean_colour": to_image,
        "rmse_mean_colour_either": None
        if partner is None
        else torch.minimum(to_image, rmse(colour, partner)),
        "rmse_blend": None if partner is None else rmse((image + partner) / 2, image),
        **_inferred(guess, targets, majority, given_task),
        "attacker_epochs": _all(attacker_epochs, count),
        "wall_seconds": _all(wall_seconds, count),
        "status": ["failed" if reason else "ok" for reason in failed],
        "reason": failed,
    }
    return _rows(columns, count)


def rmse(guess: Tensor, image: Tensor) -> Tensor:
    """Return (B,) root mean squared errors over all channels and pixels of (B, C, H, W)."""
    return (guess - image).square().flatten(1).mean(1).sqrt()


def mse_pm1_of_rmse(value: float | Tensor) -> float | Tensor:
    """Return the mean squared error with pixels in [-1, 1], 4 rmse^2, of an RMSE in [0, 1].

    The unit of Knijff et al. (2021, Table 3) from that of the authors' code of 2022.
    """
    return 4 * value**2


def rmse_of_mse_pm1(value: float) -> float:
    """Return the RMSE with pixels in [0, 1], sqrt(mse) / 2, of a mean squared error in [-1, 1]."""
    return math.sqrt(value) / 2


def _angles(guess: Guess, secrets: Secrets) -> dict[str, Tensor | None]:
    names = ("theta_guess_rad", "angle_error_rad", "angle_error_quarter_rad", "quarter_turns")
    truth = secrets.angles.cpu().double() if len(secrets.angles) else None
    columns: dict[str, Tensor | None] = {"theta_rad": truth, **dict.fromkeys(names)}
    if truth is None or guess.angles is None:
        return columns
    found = guess.angles.cpu().double()
    measures = circular.error, circular.quarter_error, circular.quarter_turns
    return columns | dict(
        zip(names, (found, *(measure(found, truth) for measure in measures)), strict=True)
    )


def _errors(guess: Guess, image: Tensor, partner: Tensor | None) -> dict[str, Tensor | None]:
    names = ("rmse", "mse_pm1", "mae", "psnr_db", "ssim")
    names += ("rmse_second", "rmse_partner", "rmse_either")
    if guess.images is None:
        return dict.fromkeys(names)
    found = guess.images.cpu().double()
    second = None if guess.second is None else rmse(guess.second.cpu().double(), image)
    to_image = rmse(found, image)
    to_partner = None if partner is None else rmse(found, partner)
    other = to_partner if second is None else second
    values = (
        to_image,
        mse_pm1_of_rmse(to_image),
        (found - image).abs().flatten(1).mean(1),
        psnr(found, image),
        ssim(found, image),
        second,
        to_partner,
        None if other is None else torch.minimum(to_image, other),
    )
    return dict(zip(names, values, strict=True))


def _inferred(
    guess: Guess, targets: Tensor | None, majority: Tensor | None, given_task: Tensor | None
) -> dict[str, Tensor | list[int] | None]:
    names = ("label_guess", "label_correct", "label_correct_task")
    names += ("attributes", "attribute_error", "attribute_error_majority")
    columns: dict[str, Tensor | list[int] | None] = dict.fromkeys(names)
    if guess.labels is None or targets is None:
        return columns
    found, truth = guess.labels.cpu(), targets.cpu()
    if truth.dim() == 1:
        if given_task is not None:
            columns["label_correct_task"] = (given_task.cpu() == truth).long()
        return columns | {"label_guess": found, "label_correct": (found == truth).long()}
    columns["attributes"] = [truth.shape[1]] * len(truth)
    columns["attribute_error"] = (found != truth).double().mean(1)
    if majority is not None:
        columns["attribute_error_majority"] = (majority.cpu() != truth).double().mean(1)
    return columns


def _failed(guess: Guess, count: int) -> list[str]:
    """Return why each guess failed, empty where it did not."""
    reasons = [""] * count
    for name, values in (
        ("image", guess.images),
        ("second image", guess.second),
        ("angle", guess.angles),
    ):
        finite = [] if values is None else values.cpu().reshape(count, -1).isfinite().all(1)
        for i, whole in enumerate(finite):
            if not whole and not reasons[i]:
                reasons[i] = f"the guessed {name} is not finite"
    return reasons


def _check(guess: Guess, targets: Tensor | None, count: int) -> None:
    for name in ("images", "second", "angles", "labels"):
        values = getattr(guess, name)
        if values is not None and len(values) != count:
            raise ReveilError(f"guess.{name}: {len(values)} for {count} images; allowed: one each")
    shape = None if targets is None else tuple(targets.shape)
    if guess.labels is not None and tuple(guess.labels.shape) != shape:
        raise ReveilError(
            f"guess.labels: shape {tuple(guess.labels.shape)} is not allowed; allowed: that of the "
            f"targets, {shape}"
        )


def _all(value: float | None, count: int) -> list[float] | None:
    return None if value is None else [value] * count


def _rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    lists = {
        name: [math.nan] * count
        if column is None
        else column.tolist()
        if isinstance(column, Tensor)
        else column
        for name, column in columns.items()
    }
    rows = [{name: values[i] for name, values in lists.items()} for i in range(count)]
    for row in rows:
        if row["status"] != "ok":
            row |= dict.fromkeys(MEASURES, math.nan)
    return rows
