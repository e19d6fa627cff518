"""What a victim does with its images, and all that it lets anyone see of them.

The victim's side of an attack ends with :class:`Shared`: gradients, each of one or more images and
as a defence left it, and what the victim declares.
An attacker gets the model and that, and nothing of :class:`Victims`; only the judge sees both the
images and the guesses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reveil import defence_names, defences
from reveil.batch_gradients import BN_MODES, problem_gradients
from reveil.chunks import run_in_chunks
from reveil.errors import ReveilError, not_allowed
from reveil.gradients import kernel_last
from reveil.policies import Policy
from reveil.precision import precision
from reveil.views import View

# As in the released attack code, attacked images have the constants of the training images, under
# `orig_mismatch` too, where test images have others. Only `warmerdam_mixed` gives them their own.
SPLIT = "victim"
DRAWS = ("per_image", "shared")


@dataclass(frozen=True)
class Victims:
    """A block of attacked images; so many after another are a victim's batch, as a rule one.

    Attributes:
        images: indices of the images in their split.
        streams: what names each victim's random streams: its image, or one image for all.
        labels: (B,) int64 classes.
        member: (B,) position of the drawn member of a hybrid policy.
        augment: what was done: ``none``, ``crop_flip``, ``policy`` or ``crop_flip+policy``.
        originals: (B, C, H, W) uint8, untouched.
        pixels: (B, C, H, W) uint8, what the victim computed its gradient on.
        content: (B, 1, H, W) bool, where ``pixels`` show the image and not fill.
        x: (B, C, H, W) float32, ``pixels`` normalised.
        box: black and white in normalised values, each (1, C, 1, 1).
        policy: what the images went through.
        batch: images behind each gradient.
        further: ``x`` of further draws of the same images, for victims that average gradients.
        crop_shift: pixels by which their crop moved content at most.
    """

    images: tuple[int, ...]
    streams: tuple[int, ...]
    labels: Tensor
    member: Tensor
    augment: str
    originals: Tensor
    pixels: Tensor
    content: Tensor
    x: Tensor
    box: tuple[Tensor, Tensor]
    policy: Policy
    batch: int
    further: tuple[Tensor, ...]
    crop_shift: int = 0

    @property
    def problem_streams(self) -> tuple[int, ...]:
        """What names the streams of each gradient: those of its first image."""
        return self.streams[:: self.batch]


@dataclass(frozen=True)
class Shared:
    """What leaves the victims: P gradients, each a problem to an attacker, and what is declared.

    Attributes:
        gradients: one ``(P, *shape)`` tensor per trainable parameter.
        labels: int64 declared classes, (P,), or (P, batch) where ``batch`` is above 1; None where
            they are not declared.
        shape: channels, height and width of an input.
        box: lowest and highest normalised value of a pixel, each (1, C, 1, 1): public constants.
        batch: images behind each gradient.
        bn_mode: statistics the victims' batch normalisation used: ``eval``, the running ones; or
            ``train``, those of the images behind the gradient.
        policy: what the victims' images went through, where it is public.
        augment: what was done with it, see :class:`Victims`; None where ``policy`` is.
        crop_shift: pixels by which a crop moves content at most; 0 where ``policy`` is None.
    """

    gradients: list[Tensor]
    labels: Tensor | None
    shape: tuple[int, int, int]
    box: tuple[Tensor, Tensor]
    batch: int = 1
    bn_mode: str = "eval"
    policy: Policy | None = None
    augment: str | None = None
    crop_shift: int = 0

    def __len__(self) -> int:
        return len(self.gradients[0])

    def __getitem__(self, rows: slice | Tensor) -> "Shared":
        """Return the part of some problems."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, gradients=[g[rows] for g in self.gradients], labels=labels)


def augment_for(policy: Policy, augment: Mapping[str, str]) -> str:
    """Return what a victim with ``policy`` does: the policy's own wish, else the scene's.

    Args:
        augment: the scene's switch, with the keys ``none`` (victims without a policy) and
            ``policy``.
    """
    if policy.augment is not None:
        return policy.augment
    return augment["policy" if any(policy.members) else "none"]


def stage(
    raw: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    images: Sequence[int],
    *,
    view: View,
    policy: Policy,
    seed: int,
    scene: Mapping[str, Any],
    first: int | None = None,
) -> Victims:
    """Prepare a block of victims: draw what the policy does to each image, and do it.

    Args:
        raw: (B, c, h, w) uint8 images as prepared, before any view.
        labels: (B,) their classes.
        images: their indices, which name their random streams.
        seed: of the run.
        scene: the protocol's section of that name: ``augment``, ``hybrid_draw``, ``batch``;
            ``draws``: ``per_image``; or ``shared``, all images get the draws of one (the one seed
            per process of Drabent et al. 2022); and ``gradients``, how often each image is drawn:
            first from the stream "policy", then from "policy-1", "policy-2", ...
        first: the first image of the whole list of which this is a block, whose draws are shared.

    Raises:
        ReveilError: the numbers of images, labels and indices differ, the images are no whole
            batches, or an unknown ``draws``.
    """
    if scene["draws"] not in DRAWS:
        raise ReveilError(not_allowed("scene.draws", scene["draws"], DRAWS))
    if not len(raw) == len(labels) == len(images):
        raise ReveilError(
            f"victims: {len(raw)} images, {len(labels)} labels and {len(images)} indices; "
            "allowed: as many of each"
        )
    if len(raw) % scene["batch"]:
        raise ReveilError(
            f"victims: {len(raw)} images are no whole batches of scene.batch, {scene['batch']}"
        )
    raw = torch.as_tensor(np.ascontiguousarray(raw)) if isinstance(raw, np.ndarray) else raw
    augment = augment_for(policy, scene["augment"])
    images = tuple(int(i) for i in images)
    shared = images[:1] if first is None else (first,)
    streams = images if scene["draws"] == "per_image" else shared * len(images)
    purposes = ["policy", *(f"policy-{again}" for again in range(1, scene["gradients"]))]
    drawn = [
        view.draw(
            *(policy, streams, seed),
            purpose=purpose,
            augment=augment,
            hybrid_draw=scene["hybrid_draw"],
        )
        for purpose in purposes
    ]
    draws = drawn[0]
    pixels, *others = (view.victim(raw, each, policy) for each in drawn)
    return Victims(
        images=images,
        streams=streams,
        labels=torch.as_tensor(labels, dtype=torch.int64),
        member=draws.member,
        augment=augment,
        originals=view.evaluate(raw),
        pixels=pixels,
        content=view.content_mask(draws, policy),
        x=view.normalise(pixels, SPLIT),
        box=view.box,
        policy=policy,
        batch=scene["batch"],
        further=tuple(view.normalise(other, SPLIT) for other in others),
        crop_shift=view.crop_shift if "crop_flip" in augment else 0,
    )


def share(
    model: nn.Module,
    victims: Victims,
    scene: Mapping[str, Any],
    defence: str = defence_names.NONE,
    *,
    seed: int,
    knows: bool = False,
    declares_labels: bool = True,
    chunk: int = 4,
) -> Shared:
    """Return what the victims share: the gradients of their batches, and what they declare.

    A batch's gradient is that of the mean loss over its images. With further draws of the images
    the gradients of all draws are averaged; a defence is applied to what is shared in the end.

    Args:
        model: network in eval mode, on the device that the gradients are wanted on.
        scene: the protocol's section of that name: ``victim_loss_factor``, what the victims
            multiply their cross-entropy with; ``bn_mode``, the statistics of their batch
            normalisation; and ``defend_gradient``: false where a defence is only trained under.
        defence: name of what is done to a gradient before it is shared.
        seed: of the run; a gradient's noise is the stream (seed, "defence", its first image).
        knows: whether the policy is public.
        declares_labels: whether the classes are.
        chunk: images per tensor.

    Raises:
        ReveilError: an unknown defence or ``bn_mode``.
    """
    if scene["bn_mode"] not in BN_MODES:
        raise ReveilError(not_allowed("scene.bn_mode", scene["bn_mode"], BN_MODES))
    chosen = defence_names.parse(defence if scene["defend_gradient"] else defence_names.NONE)
    device = next(model.parameters()).device
    drawn = [_batched(x, victims.batch) for x in (victims.x, *victims.further)]
    labels = _batched(victims.labels, victims.batch).to(device)
    streams = victims.problem_streams

    def gradients(rows: slice) -> list[Tensor]:
        mean = _mean(
            problem_gradients(
                *(model, x[rows].to(device), labels[rows]),
                factor=scene["victim_loss_factor"],
                bn_mode=scene["bn_mode"],
            )
            for x in drawn
        )
        return defences.apply(chosen, mean, streams[rows], seed, "defence")

    with precision("fp32", device):
        pieces = run_in_chunks(
            gradients, len(labels), max(1, chunk // victims.batch), what="shared gradients"
        )
    stacked = [torch.cat(tensors) for tensors in zip(*pieces, strict=True)]
    return Shared(
        gradients=kernel_last(stacked),
        labels=labels if declares_labels else None,
        shape=tuple(victims.x.shape[1:]),
        box=tuple(b.to(device) for b in victims.box),
        batch=victims.batch,
        bn_mode=scene["bn_mode"],
        policy=victims.policy if knows else None,
        augment=victims.augment if knows else None,
        crop_shift=victims.crop_shift if knows else 0,
    )


def _batched(images: Tensor, batch: int) -> Tensor:
    """Return (B, ...) as (B / batch, batch, ...), or as it is for a batch of one."""
    return images if batch == 1 else images.unflatten(0, (-1, batch))


def _mean(drawn: Iterable[list[Tensor]]) -> list[Tensor]:
    """Return the mean over draws of each parameter's gradients, holding two draws at a time."""
    total, count = None, 0
    for gradients in drawn:
        total = gradients if total is None else list(map(torch.add, total, gradients))
        count += 1
    return total if count == 1 else [t / count for t in total]
