"""What a network sees of a dataset: geometry, augmentation, policy and normalisation.

The chain is that of Gao et al. (2021) and its replications: crop with zero padding, mirror,
policy, conversion to the network's channels and size, normalisation. Everything up to the last
works on uint8 batches and equals what Pillow makes of each image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from reveil import datasets
from reveil.datasets import Dataset
from reveil.draws import Draws, draw, draw_epoch
from reveil.errors import ReveilError, not_allowed
from reveil.policies import Policy
from reveil.resize import resize_bilinear, resize_mask
from reveil.transforms import transform_policy, transform_policy_mask

FASHION_SIZE = 32
PIPELINES = ("orig", "pad32", "resize32", "native28")
POLICY_CHANNELS = (1, 3)
NORMALISATIONS = ("dataset", "symmetric", "cifar10", "cifar100", "orig_mismatch", "warmerdam_mixed")
SPLITS = ("train", "test", "victim", "score", "start")

# Whose constants images get on the CIFAR datasets, by what is done with them. "victim" is attacking
# images and "score" scoring policies on them: in the code of Warmerdam et al. (2022) for both, they
# had CIFAR-100's, on a network trained with CIFAR-10's.
# "start" is what an attack or a score starts from, the box, and the way back to pixels.
_CONSTANTS: dict[str, dict[str, str]] = {
    "cifar10": dict.fromkeys(SPLITS, "cifar10"),
    "cifar100": dict.fromkeys(SPLITS, "cifar100"),
    "orig_mismatch": {**dict.fromkeys(SPLITS, "cifar10"), "test": "cifar100"},
    "warmerdam_mixed": {
        **dict.fromkeys(SPLITS, "cifar10"),
        **dict.fromkeys(("test", "victim", "score"), "cifar100"),
    },
}


@dataclass(frozen=True)
class View:
    """How images of a dataset reach the network.

    Attributes:
        dataset: whose images.
        pipeline: geometry. ``native`` keeps the size, or cuts the dataset's ``crop`` out of it:
            anywhere for training, the centre for evaluation. The others are for Fashion-MNIST:
            ``orig`` crops to 32 for training and stretches 28 to 32 otherwise (Gao et al. 2021);
            ``pad32`` crops to 32, the centre for evaluation; ``resize32`` stretches first, always;
            ``native28`` keeps 28 (Drabent et al. 2022).
        policy_channels: channels the papers' policies work on for grey images. Every operation
            treats equal channels alike, and luma takes three equal channels back to one without
            loss, so 3 and 1 give the same bytes and the policy is applied to the one channel.
        normalisation: whose constants, see ``NORMALISATIONS``; on datasets other than the two
            CIFARs always the dataset's own, but for ``symmetric``, which takes every pixel to
            [-1, 1].
    """

    dataset: Dataset
    pipeline: str
    policy_channels: int
    normalisation: str

    @property
    def size(self) -> int:
        """Height and width of the network input in pixels."""
        native = self.pipeline in ("native", "native28")
        return self.dataset.input_size if native else FASHION_SIZE

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the network input."""
        return self.dataset.channels, self.size, self.size

    @property
    def box(self) -> tuple[Tensor, Tensor]:
        """Black and white in normalised values, each (1, C, 1, 1) float32."""
        mean, std = self._constants("start", torch.device("cpu"))
        return (0 - mean) / std, (1 - mean) / std

    @property
    def crop_shift(self) -> int:
        """Pixels by which a crop moves content at most, from where it lies without one."""
        return self._offsets // 2

    def evaluate(self, raw: Tensor) -> Tensor:
        """Return uint8 (B, c, h, w) as the network's input, uint8 (B, C, H, W), nothing drawn."""
        self._check(raw)
        return self._fit(self._frame(raw))

    def draw(
        self,
        policy: Policy,
        images: Sequence[int],
        seed: int,
        *,
        purpose: str = "policy",
        augment: str = "crop_flip+policy",
        hybrid_draw: str = "per_image",
    ) -> Draws:
        """Draw what happens to each image, from its own stream (seed, purpose, image).

        Args:
            policy: whose members are drawn from.
            images: numbers of the images in their split.
            augment: ``crop_flip+policy``, ``crop_flip``, ``policy`` or ``none``.
            hybrid_draw: ``per_image``; or ``first``, always the member that is named first (the
                one seed per process of Drabent et al. 2022).

        Raises:
            ReveilError: a value outside those.
        """
        return draw(
            policy,
            images,
            self._offsets,
            seed,
            purpose=purpose,
            augment=augment,
            hybrid_draw=hybrid_draw,
        )

    def draw_epoch(self, policy: Policy, count: int, seed: int, epoch: int, augment: str) -> Draws:
        """Draw for ``count`` training images from one stream (seed, "augment", epoch)."""
        return draw_epoch(policy, count, self._offsets, seed, epoch, augment)

    def victim(self, raw: Tensor, draws: Draws, policy: Policy) -> Tensor:
        """Return what a victim trains on: crop, mirror, policy, and the network's size.

        Args:
            raw: uint8 (B, c, h, w) as prepared, on any device.
            draws: for these images, of the same length.
            policy: the one the draws were made for.

        Returns:
            uint8 (B, C, H, W). With the augmentation ``none`` that of ``evaluate``.
        """
        self._check(raw)
        _check_lengths(raw, draws)
        draws = draws.to(raw.device)
        images = self._place(raw, draws)
        if "policy" in draws.augment:
            images = transform_policy(
                images, policy.members, draws.member, draws.signs, draws.seeds
            )
        return self._fit(images)

    def content_mask(self, draws: Draws, policy: Policy) -> Tensor:
        """Return where ``victim`` shows image content and not fill: bool (B, 1, H, W).

        Fill is the padding of a crop, the frame of ``pad32``, and what a shift, shear or rotation
        leaves open. A mask full of content goes through the same moves; where a move interpolates,
        a pixel counts by the point it samples. What a plug-in moves is not known: all of it counts.
        """
        size = self.dataset.size
        mask = torch.ones(len(draws), 1, size, size, dtype=torch.bool, device=draws.member.device)
        mask = self._place(mask, draws)
        if "policy" in draws.augment:
            mask = transform_policy_mask(mask, policy.members, draws.member, draws.signs)
        return self._fit(mask)

    def normalise(self, images: Tensor, split: str = "train") -> Tensor:
        """Return uint8 images as normalised float32: (images / 255 - mean) / std.

        Args:
            split: what the images are for: ``train``, ``test``, ``victim`` (the images of an
                attack), ``score`` (those a policy is scored on), or ``start`` (what an attack or a
                score starts from). They differ under ``orig_mismatch`` and ``warmerdam_mixed``
                alone.
        """
        mean, std = self._constants(split, images.device)
        return images.float().div_(255).sub_(mean).div_(std)

    def denormalise(self, x: Tensor) -> Tensor:
        """Return normalised values on the [0, 1] scale, unclipped, by the constants of the box."""
        mean, std = self._constants("start", x.device)
        return x * std.to(x.dtype) + mean.to(x.dtype)

    @property
    def _crop_source(self) -> int:
        """Size of the images that are padded and cropped."""
        return FASHION_SIZE if self.pipeline == "resize32" else self.dataset.size

    @property
    def _offsets(self) -> int:
        return self._crop_source + 2 * self.dataset.padding - self.size + 1

    def _frame(self, images: Tensor) -> Tensor:
        """Bring images or masks to the geometry that a policy without crop sees."""
        if self.pipeline == "resize32":
            return _resize(images, FASHION_SIZE)
        if self.pipeline == "pad32":
            margin = (FASHION_SIZE - self.dataset.size) // 2
            return functional.pad(images, (margin,) * 4)
        if self.dataset.crop:
            margin = (self.dataset.size - self.size) // 2
            within = slice(margin, margin + self.size)
            return images[..., within, within]
        return images

    def _place(self, images: Tensor, draws: Draws) -> Tensor:
        """Bring images or masks to the geometry that the policy sees, crop and flip included."""
        if "crop_flip" not in draws.augment:
            return self._frame(images)
        if self.pipeline == "resize32":
            images = _resize(images, FASHION_SIZE)
        return _crop_flip(images, draws, self.dataset.padding, self.size)

    def _fit(self, images: Tensor) -> Tensor:
        """Stretch what has not the network's size yet: ``orig`` without a crop."""
        return images if images.shape[-1] == self.size else _resize(images, self.size)

    def _constants(self, split: str, device: torch.device) -> tuple[Tensor, Tensor]:
        if split not in SPLITS:
            raise ReveilError(not_allowed("split", split, SPLITS))
        if self.normalisation == "symmetric":
            shape = (1, self.dataset.channels, 1, 1)
            half = torch.full(shape, 0.5, dtype=torch.float32, device=device)
            return half, half
        source = self.dataset
        if self.normalisation != "dataset" and self.dataset.family in ("cifar10", "cifar100"):
            source = datasets.get(_CONSTANTS[self.normalisation][split])
        mean, std = (
            torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
            for values in (source.mean, source.std)
        )
        return mean, std

    def _check(self, raw: Tensor) -> None:
        expected = (self.dataset.channels, self.dataset.size, self.dataset.size)
        if raw.dtype != torch.uint8 or tuple(raw.shape[1:]) != expected:
            raise ReveilError(
                f"images of {self.dataset.name}: {raw.dtype} of shape {tuple(raw.shape)} is not "
                f"allowed; allowed: torch.uint8 of shape (B, {', '.join(map(str, expected))})"
            )


def view_for(dataset: Dataset, recipe: Mapping[str, Any]) -> View:
    """Return the view of ``dataset`` under a recipe.

    Args:
        recipe: its keys ``fmnist_pipeline``, ``policy_channels`` and ``normalisation`` are used,
            the first two on Fashion-MNIST alone.

    Raises:
        ReveilError: a value outside the allowed ones.
    """
    for key, allowed in (
        ("fmnist_pipeline", PIPELINES),
        ("policy_channels", POLICY_CHANNELS),
        ("normalisation", NORMALISATIONS),
    ):
        if recipe[key] not in allowed:
            raise ReveilError(not_allowed(key, recipe[key], allowed))
    fashion = dataset.family == "fashion-mnist"
    return View(
        dataset=dataset,
        pipeline=recipe["fmnist_pipeline"] if fashion else "native",
        policy_channels=recipe["policy_channels"] if fashion else dataset.channels,
        normalisation=recipe["normalisation"],
    )


def _crop_flip(images: Tensor, draws: Draws, padding: int, size: int) -> Tensor:
    """Cut a square out of every zero-padded image and mirror the chosen ones.

    Args:
        images: (B, C, h, w) uint8 or bool.
        draws: the corners of the squares in the padded images, and which ones are mirrored.
        padding: pixels on each side.
        size: height and width of the result in pixels.
    """
    crop, flip = draws.crop, draws.flip
    padded = functional.pad(images, (padding,) * 4)
    steps = torch.arange(size, device=images.device)
    rows = crop[:, :1] + steps
    columns = crop[:, 1:] + torch.where(flip[:, None], size - 1 - steps, steps)
    width = padded.shape[-1]
    index = (rows[:, :, None] * width + columns[:, None, :]).view(len(images), 1, -1)
    index = index.expand(-1, images.shape[1], -1)
    return padded.flatten(2).gather(2, index).view(*images.shape[:2], size, size)


def _resize(images: Tensor, size: int) -> Tensor:
    mask = images.dtype == torch.bool
    return resize_mask(images, size) if mask else resize_bilinear(images, size)


def _check_lengths(raw: Tensor, draws: Draws) -> None:
    if len(raw) != len(draws):
        raise ReveilError(f"draws: {len(draws)} rows for {len(raw)} images; allowed: one each")
