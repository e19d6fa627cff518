"""An attacker's own images, which he hides himself, as he knows the network and how it is used."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.cvnn import keeping
from reveil.cvnn.attackers.kept import PreparedImages
from reveil.cvnn.scene import AUTO_CHUNK, Intercepted, encode, hide, mixes_images, needs_noise
from reveil.errors import ReveilError
from reveil.precision import precision
from reveil.rng import generator
from reveil.schedule import steps_per_epoch

if TYPE_CHECKING:
    from reveil.cvnn.private import PrivateNetwork
    from reveil.job import State
    from reveil.views import View

# Each part needs an image and another one to be its partner.
MIN_IMAGES = 4
VALIDATION_SHARE = 10
# What may be kept beside the computation on a GPU, of what is free.
KEPT_SHARE = 0.3


@dataclass(frozen=True)
class Hidden:
    """B own images as an attacker hid them: he knows both what is seen and what is behind it.

    Attributes:
        seen: what an attacker would see of them.
        rows, partner_rows: (B,) int64, their numbers and those of their partners among the own
            images. Without rotation partners are drawn, too, and mean nothing.
        a, b: (B, c, h, w), the features of both; b may be replaced by noise in ``seen``.
        angles, swapped: (B,), as in :class:`reveil.cvnn.scene.Secrets`; (0,) without rotation.
        images, partners: (B, C, H, W) in [0, 1].
        labels: (B,) int64, the classes of the network's task.
        targets: (B,) int64 or (B, attributes) bool, what an inference attack is after, or None.
    """

    seen: Intercepted
    rows: Tensor
    partner_rows: Tensor
    a: Tensor
    b: Tensor
    angles: Tensor
    swapped: Tensor
    images: Tensor
    partners: Tensor
    labels: Tensor
    targets: Tensor | None

    def __len__(self) -> int:
        return len(self.rows)


class OwnData:
    """Own images, of which a tenth validates, hidden with fresh draws in every epoch.

    Features are computed once, as the encoder does not change, and kept where they fit.

    Args:
        network: known with its weights, in eval mode on ``device``.
        view: how images reach it.
        pixels: uint8 (N, C, H, W), as the network sees them, or where to read them.
        labels: (N,) int64.
        attack: its name; with ``seed`` it names the streams of all draws.
        targets: (N,) int64 or (N, attributes) bool, what an inference attack is after.
        chunk: images encoded at a time.
        state: the resumable state of the job, for :func:`.patience.fit_with_patience`.

    Raises:
        ReveilError: fewer than ``MIN_IMAGES`` images.
    """

    def __init__(
        self,
        network: "PrivateNetwork",
        view: "View",
        pixels: Tensor | PreparedImages,
        labels: Tensor,
        *,
        attack: str,
        seed: int,
        device: torch.device | str = "cpu",
        targets: Tensor | None = None,
        chunk: int = AUTO_CHUNK,
        state: "State | None" = None,
    ) -> None:
        if len(pixels) < MIN_IMAGES:
            raise ReveilError(
                f"attack {attack}: the attacker's own images are {len(pixels)}; allowed: "
                f"{MIN_IMAGES} or more"
            )
        self.network, self.view, self.attack, self.seed = network, view, attack, seed
        self.device, self.chunk, self.state = torch.device(device), max(1, chunk), state
        self.pixels = pixels.to(self.device) if self._fits(pixels.nbytes) else pixels
        self.labels = labels.to(self.device)
        self.targets = None if targets is None else targets.to(self.device)
        order = torch.randperm(len(pixels), generator=generator(seed, "attacker own", attack))
        held = max(2, len(pixels) // VALIDATION_SHARE)
        self.validation_rows, self.training_rows = order[:held], order[held:]
        self._kept: Tensor | None = None
        self._keeps: bool | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def steps(self, batch_size: int) -> int:
        """Return the batches of an epoch: whole ones, or one of all images where none is."""
        count = len(self.training_rows)
        return steps_per_epoch(count, min(batch_size, count), drop_last=True)

    def hidden_batches(self, batch_size: int, epoch: int, start: int = 0) -> Iterator[Hidden]:
        """Yield the batches of an epoch, each image once, all draws this epoch's own.

        Args:
            start: first step that is wanted, for an epoch that goes on; the draws are the same.
        """
        ids = (self.attack, epoch)
        count = len(self.training_rows)
        order = torch.randperm(count, generator=generator(self.seed, "attacker order", *ids))
        size = min(batch_size, count)
        drawn = self._draw(self.training_rows, "attacker", *ids)
        for step in range(start, self.steps(batch_size)):
            picked = order[step * size : (step + 1) * size]
            yield self._hide(self.training_rows[picked], picked, drawn, "attacker", *ids, step)

    def validation_batches(self, batch_size: int) -> Iterator[Hidden]:
        """Yield the images that validate, the same and hidden by the same draws every time."""
        rows, ids = self.validation_rows, (self.attack,)
        drawn = self._draw(rows, "attacker validation", *ids)
        for step, picked in enumerate(torch.arange(len(rows)).split(batch_size)):
            yield self._hide(rows[picked], picked, drawn, "attacker validation", *ids, step)

    def features(self, rows: Tensor) -> Tensor:
        """Return the features (B, c, h, w) of own images by their numbers, on the device."""
        if self._keeps is None:
            self._keeps = self._fits(self._encode(rows[:1]).nbytes * len(self))
        if not self._keeps:
            return self._encode(rows)
        if self._kept is None:
            self._kept = self._encode_all()
        return self._kept[rows.to(self.device)]

    @property
    def scratch(self) -> Path | None:
        """Folder for what does not fit the memory: that of the job's state."""
        return None if self.state is None else self.state.path.parent

    def images(self, rows: Tensor) -> Tensor:
        """Return own images by their numbers, (B, C, H, W) in [0, 1], on the device."""
        return self.pixels[rows.to(self.pixels.device)].to(self.device).float() / 255

    def _encode(self, rows: Tensor) -> Tensor:
        def work(piece: slice) -> Tensor:
            there = rows[piece].to(self.pixels.device)
            return encode(self.network, self.view, self.pixels[there], self.device)

        with torch.no_grad(), precision("fp32", self.device):
            return torch.cat(
                run_in_chunks(work, len(rows), self.chunk, what="features of own images")
            )

    def _encode_all(self) -> Tensor:
        kept = torch.empty(0)
        for rows in torch.arange(len(self)).split(self.chunk):
            piece = self._encode(rows)
            if rows[0] == 0:
                kept = piece.new_empty(len(self), *piece.shape[1:])
            kept[rows.to(piece.device)] = piece
        return kept

    def _draw(self, rows: Tensor, purpose: str, *ids: object) -> tuple[Tensor, Tensor, Tensor]:
        """Return partners, angles and swaps, (n,) each, for all images of a part."""
        stream = generator(self.seed, purpose, *ids)
        count = len(rows)
        # From 1 to count - 1 places further: any other image, never the same.
        further = torch.randint(1, count, (count,), generator=stream)
        partners = rows[(torch.arange(count) + further) % count]
        angles = 2 * math.pi * torch.rand(count, generator=stream)
        swapped = torch.rand(count, generator=stream) < 0.5
        return partners, angles, swapped & (self.network.protection.swap != "none")

    def _hide(
        self,
        rows: Tensor,
        picked: Tensor,
        drawn: tuple[Tensor, Tensor, Tensor],
        purpose: str,
        *ids: object,
    ) -> Hidden:
        partners, angles, swapped = (values[picked] for values in drawn)
        if not self.network.protection.rotates:
            angles, swapped = angles[:0], swapped[:0]
        if not mixes_images(self.network.protection):
            partners = partners[:0]
        angles, swapped = angles.to(self.device), swapped.to(self.device)
        a, b = self.features(rows), self.features(partners)
        noise = self._noise(a.shape, purpose, *ids)
        with torch.no_grad(), precision("fp32", self.device):
            seen = hide(self.network, a, b, angles, swapped, noise)
        there = rows.to(self.device)
        return Hidden(
            seen=seen,
            rows=rows,
            partner_rows=partners,
            a=a,
            b=b,
            angles=angles,
            swapped=swapped,
            images=self.images(rows),
            partners=self.images(partners),
            labels=self.labels[there],
            targets=None if self.targets is None else self.targets[there],
        )

    def _noise(self, shape: torch.Size, purpose: str, *ids: object) -> Tensor | None:
        protection = self.network.protection
        if not needs_noise(protection):
            return None
        shared = protection.kind == "noisy" and protection.noise == "shared"
        stream = generator(self.seed, f"{purpose} noise", *ids)
        drawn = torch.randn(1 if shared else shape[0], *shape[1:], generator=stream)
        return drawn.to(self.device).expand(shape)

    def _fits(self, size: int) -> bool:
        if self.device.type != "cuda":
            return size <= keeping.KEPT_BYTES
        return size <= KEPT_SHARE * torch.cuda.mem_get_info(self.device)[0]
