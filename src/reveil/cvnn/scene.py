"""What the device does with its images, and all that it lets an attacker see of them.

The device's side ends with :class:`Intercepted`, the features on their way to the cloud. An
attacker gets that, the network with its weights, and images of his own; only the judge sees the
:class:`Secrets` beside his guesses.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.cvnn.counterparts import noise_like
from reveil.cvnn.protections import Protection
from reveil.cvnn.stacked import parts, stack
from reveil.errors import ReveilError
from reveil.precision import precision
from reveil.rng import generator

if TYPE_CHECKING:
    from reveil.cvnn.private import PrivateNetwork
    from reveil.views import View

# Images that are encoded at a time unless a chunk is given.
AUTO_CHUNK = 256


@dataclass(frozen=True)
class Intercepted:
    """All that an attacker sees of B hidden images.

    Attributes:
        x: stacked (2B, c, h, w) where features are rotated, else (B, c, h, w).
        rotated: which of the two.
    """

    x: Tensor
    rotated: bool

    def __len__(self) -> int:
        return len(self.x) // (2 if self.rotated else 1)

    def take(self, rows: slice | Tensor) -> "Intercepted":
        """Return what is seen of some of the images."""
        if not self.rotated:
            return Intercepted(self.x[rows], False)
        real, imaginary = parts(self.x)
        return Intercepted(stack(real[rows], imaginary[rows]), True)


@dataclass(frozen=True)
class Secrets:
    """What the judge alone knows of B hidden images.

    Attributes:
        images: (B, C, H, W) in [0, 1], as the network saw them before they were normalised.
        partners: (B, C, H, W) in [0, 1], the images behind b; empty, (0, C, H, W), where features
            are not mixed with those of an image.
        index: (B,) int64, the images in their split.
        partner_index: (B,) int64, or (0,).
        angles: (B,) in radians, [0, 2 pi); (0,) without rotation.
        swapped: (B,) bool, where a and b changed places; (0,) without rotation.
        labels: (B,) int64.
    """

    images: Tensor
    partners: Tensor
    index: Tensor
    partner_index: Tensor
    angles: Tensor
    swapped: Tensor
    labels: Tensor


def intercept(
    network: "PrivateNetwork",
    pixels: np.ndarray,
    index: Sequence[int],
    labels: np.ndarray,
    view: "View",
    *,
    seed: int,
    purpose: str = "scene",
    among: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
    chunk: int = AUTO_CHUNK,
) -> tuple[Intercepted, Secrets]:
    """Hide images of a split as the device does (Xiang et al. 2020, equation 1).

    The angle, the partner, whether the two change places, and noise are drawn for every image from
    its own stream (seed, purpose, image), in this order, so that no row depends on its neighbours.
    The partner is another image of the split, never the image itself.

    Args:
        network: in eval mode on ``device``.
        pixels: a whole split as prepared, uint8 (N, c, h, w); may be memory-mapped.
        index: the images to hide, B numbers in that split.
        labels: of the whole split, (N,).
        view: brings prepared images to the network's channels and size.
        purpose: name of the streams.
        among: numbers in the split that may be partners; all of it unless given.
        chunk: images encoded at a time; it changes speed and memory only.

    Returns:
        What an attacker sees, on ``device``, and what the judge knows, on the CPU.

    Raises:
        ReveilError: there is no other image to be a partner.
    """
    rows = torch.as_tensor(np.asarray(index), dtype=torch.int64)
    allowed = torch.as_tensor(np.asarray(range(len(pixels)) if among is None else among))
    protection, device = network.protection, torch.device(device)
    drawn = [_draw(protection, seed, purpose, int(image), allowed) for image in rows]
    partners, angles, swapped = (torch.stack(column) for column in zip(*drawn, strict=True))
    mixed = mixes_images(protection)

    def show(piece: slice) -> tuple[Intercepted, Tensor, Tensor]:
        images = _prepare(view, pixels, rows[piece])
        others = _prepare(view, pixels, partners[piece]) if mixed else images[:0]
        features = encode(network, view, torch.cat([images, others]), device)
        a, b = features.split([len(images), len(others)])
        noise = None
        if needs_noise(protection):
            noise = torch.stack(
                [_noise(protection, seed, purpose, int(i), a.shape[1:]) for i in rows[piece]]
            ).to(device)
        key = angles[piece].to(device), swapped[piece].to(device)
        return hide(network, a, b, *key, noise), images, others

    with torch.no_grad(), precision("fp32", device):
        shown = run_in_chunks(show, len(rows), max(1, chunk), what="hidden images")
    known = slice(0, None if protection.rotates else 0)
    secrets = Secrets(
        images=torch.cat([images for _, images, _ in shown]).float() / 255,
        partners=torch.cat([others for _, _, others in shown]).float() / 255,
        index=rows,
        partner_index=partners if mixed else partners[:0],
        angles=angles[known],
        swapped=swapped[known],
        labels=torch.from_numpy(np.asarray(labels)[rows.numpy()].astype(np.int64)),
    )
    return join([seen for seen, _, _ in shown]), secrets


def hide(
    network: "PrivateNetwork",
    a: Tensor,
    b: Tensor,
    angles: Tensor,
    swapped: Tensor,
    noise: Tensor | None = None,
) -> Intercepted:
    """Return what leaves the device of features a; an attacker hides his own images so, too.

    Args:
        network: its protection says how.
        a, b: (B, c, h, w); b is not looked at without rotation, or where noise takes its place.
        angles, swapped: (B,), not looked at without rotation.
        noise: standard normal, (B, c, h, w), where :func:`needs_noise` says so. As a counterpart
            it gets the root mean square of a, sample by sample.
    """
    protection = network.protection
    if not protection.rotates:
        return Intercepted(a if noise is None else network.noisy(a, noise), False)
    if noise is not None:
        b = noise_like(a, noise)
    return Intercepted(network.hide(a, b, angles, swapped), True)


def mixes_images(protection: Protection) -> bool:
    """Return whether b comes from another image, which an attacker might find."""
    return protection.rotates and protection.counterpart != "noise"


def needs_noise(protection: Protection) -> bool:
    """Return whether features leave the device with noise added to them, or mixed into them."""
    return protection.disturbs or (protection.rotates and protection.counterpart == "noise")


def encode(network: "PrivateNetwork", view: "View", pixels: Tensor, device: torch.device) -> Tensor:
    """Return the features (B, c, h, w), on ``device``, of uint8 images (B, C, H, W)."""
    return network.encode(view.normalise(pixels.to(device), split="victim"))


def join(pieces: Sequence[Intercepted]) -> Intercepted:
    """Return what is seen of all images, in their order, from what is seen of some at a time."""
    if not pieces[0].rotated:
        return Intercepted(torch.cat([piece.x for piece in pieces]), False)
    halves = zip(*(parts(piece.x) for piece in pieces), strict=True)
    return Intercepted(stack(*(torch.cat(half) for half in halves)), True)


def _draw(
    protection: Protection, seed: int, purpose: str, image: int, allowed: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return partner, angle and swap of one image from its own stream."""
    stream = generator(seed, purpose, image)
    if not protection.rotates:
        return torch.tensor(image), torch.tensor(0.0), torch.tensor(False)
    others = allowed[allowed != image]
    if not len(others):
        raise ReveilError(
            f"scene: image {image} needs another image as its partner; allowed: splits of 2 images "
            "or more"
        )
    partner = others[torch.randint(len(others), (), generator=stream)]
    angle = 2 * math.pi * torch.rand((), generator=stream)
    swapped = torch.rand((), generator=stream) < 0.5
    # A device that serves one image at a time has batches of one: both rules are one coin an image.
    return partner, angle, swapped & (protection.swap != "none")


def _noise(
    protection: Protection, seed: int, purpose: str, image: int, shape: Sequence[int]
) -> Tensor:
    # Shared noise is one draw for all that is hidden, whatever block it is in.
    shared = protection.kind == "noisy" and protection.noise == "shared"
    stream = generator(seed, f"{purpose} noise", *([] if shared else [image]))
    return torch.randn(tuple(shape), generator=stream)


def _prepare(view: "View", pixels: np.ndarray, rows: Tensor) -> Tensor:
    return view.evaluate(torch.from_numpy(np.ascontiguousarray(pixels[rows.numpy()])))
