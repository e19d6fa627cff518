"""Every transformation against golden values and against Pillow itself, byte for byte."""

import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from reveil.errors import ReveilError
from reveil.transforms import LIBRARY, map_groups, transform, transform_mask

# Operations that do the same: (index, the index whose golden values it has).
SAME_AS = {16: 9, 17: 9, 22: 9, 30: 9, 32: 9, 33: 9, 35: 9, 46: 9}
SAME_AS |= {23: 8, 31: 8, 36: 8, 41: 8, 44: 8, 49: 8}
SAME_AS |= {29: 0, 47: 0, 34: 20, 42: 24, 43: 24, 48: 24, 45: 40}
IDENTITIES = (28, 39)
FIXTURE = (394752, "21dedaae")

# Sum of bytes and CRC-32 of the fixture for sign +1, then for sign -1.
GOLDEN = {
    0: (388608, "fbbd2bfc", 388608, "fbbd2bfc"),
    1: (393334, "3cfd9712", 394259, "43f6a2e8"),
    2: (395057, "e7d3553e", 395057, "e7d3553e"),
    3: (211504, "130558d9", 207168, "5c4f79db"),
    4: (393314, "0e6123a6", 393468, "4fa22673"),
    5: (393366, "14c38075", 393558, "c54e28a6"),
    6: (379604, "3cd969d6", 380681, "2f2285e2"),
    7: (357648, "ba5213c4", 358176, "2fe5a379"),
    8: (392715, "2828117e", 392715, "2828117e"),
    9: (455718, "b194b12e", 455718, "b194b12e"),
    10: (358144, "41bba8cf", 361087, "7c0d2d39"),
    11: (389632, "2f8706cb", 389632, "2f8706cb"),
    12: (393194, "be61f100", 393563, "7fec2d2c"),
    13: (477731, "89dc522f", 283630, "0a5c42d6"),
    14: (394027, "ef2ffa0a", 393980, "ad7cadfe"),
    15: (522468, "8653183b", 196224, "74198e96"),
    18: (392951, "9d8e35de", 393983, "22029c01"),
    19: (393289, "a6f95126", 393404, "c42e9eb8"),
    20: (393088, "1e5e7e6e", 393475, "ce264773"),
    21: (296768, "0ae33fe6", 292928, "44c7e37b"),
    24: (332448, "58221ef9", 334768, "b4ad044d"),
    25: (393910, "34674067", 393586, "299b5e69"),
    26: (490609, "db918a64", 262163, "b22c4b8c"),
    27: (393269, "b13b2298", 393635, "37924231"),
    37: (195535, "2a037893", 195535, "2a037893"),
    38: (449240, "d1bf7ac1", 327546, "489fdb60"),
    40: (316732, "c2fbceae", 316732, "c2fbceae"),
}

COMPOSITES = [
    ("3-1-7", "+++", 212624, "27c26cda"),
    ("3-1-7", "--+", 186895, "74d99f7d"),
    ("3-1-7", "-+-", 208418, "9c054dbb"),
    ("43-18-18", "+++", 351916, "bd720383"),
    ("43-18-18", "-+-", 345619, "88b4dc1a"),
    ("21-13-3", "++-", 250435, "1d6ee525"),
    ("7-4-15", "+-+", 476276, "09da635c"),
    ("19-15-45", "+-+", 195922, "5d840773"),
    ("2-43-21", "+-+", 251361, "df34e7c3"),
    ("42-28-42", "++-", 332448, "a94c7134"),
    ("14-48-48", "++-", 331909, "bb141510"),
    ("19-1-18", "+-+", 390151, "456d4b84"),
]


def fixture() -> torch.Tensor:
    """The golden values' image: (1, 3, 32, 32)."""
    channel, y, x = np.mgrid[:3, :32, :32]
    value = 7 * x**2 + 13 * y**2 + 5 * x * y + 31 * channel * x + 17 * channel * y + 11 * channel
    return torch.from_numpy((value % 256).astype(np.uint8))[None]


def digest(image: torch.Tensor) -> tuple[int, str]:
    """Sum of bytes and CRC-32 of the bytes in (H, W, C) order."""
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())
    return int(pixels.sum(dtype=np.int64)), f"{zlib.crc32(pixels.tobytes()):08x}"


def signs(count: int, sign: int = 1) -> torch.Tensor:
    return torch.full((count,), sign, dtype=torch.int8)


@pytest.mark.parametrize("index", range(50))
def test_golden_values_of_single_transformations(index):
    image = fixture()
    plus, minus = (digest(transform(image, index, signs(1, sign))) for sign in (1, -1))
    if index in IDENTITIES:
        assert plus == minus == FIXTURE
        return
    golden = GOLDEN[SAME_AS.get(index, index)]
    assert plus == golden[:2]
    assert minus == golden[2:]


@pytest.mark.parametrize(("policy", "slots", "total", "crc"), COMPOSITES)
def test_golden_values_of_policies(policy, slots, total, crc):
    image = fixture()
    for index, sign in zip(policy.split("-"), slots, strict=True):
        image = transform(image, int(index), signs(1, 1 if sign == "+" else -1))
    assert digest(image) == (total, crc)


def pillow(image: Image.Image, name: str, value: float | None, sign: int) -> Image.Image:
    """One operation as the papers run it."""
    width, height = image.size
    black = (0, 0, 0) if image.mode == "RGB" else 0

    def affine(matrix, resample=Image.Resampling.NEAREST):
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix, resample, fillcolor=black
        )

    match name:
        case "shearY":
            return affine((1, 0, 0, value * sign, 1, 0), Image.Resampling.BICUBIC)
        case "translateX":
            return affine((1, 0, value * width * sign, 0, 1, 0))
        case "translateY":
            return affine((1, 0, 0, 0, 1, value * height * sign))
        case "rotate":
            rotated = image.convert("RGBA").rotate(value)
            grey = Image.new("RGBA", rotated.size, (128,) * 4)
            return Image.composite(rotated, grey, rotated).convert(image.mode)
        case "color" | "contrast" | "sharpness" | "brightness":
            return getattr(ImageEnhance, name.capitalize())(image).enhance(1 + value * sign)
        case "posterize":
            return ImageOps.posterize(image, int(value))
        case "solarize":
            return ImageOps.solarize(image, value)
        case _:
            return getattr(ImageOps, name)(image)


def samples(channels: int, size: int) -> np.ndarray:
    """Images (N, C, H, W) on which rounding, clipping and empty histograms matter."""
    rng = np.random.default_rng(size * 10 + channels)
    shape = (channels, size, size)
    ramp = np.arange(size) * 255 // (size - 1)
    sparse = np.where(rng.random((2, *shape)) < 0.9, 0, rng.integers(0, 256, (2, *shape)))
    kinds = [
        rng.integers(0, 256, (2, *shape)),
        rng.integers(100, 108, (1, *shape)),
        rng.integers(0, 256, (2, channels, 1, 1)),
        rng.integers(0, 2, (2, *shape)) * rng.integers(1, 256, (2, channels, 1, 1)),
        ramp[None, None, None, :],
        ramp[None, None, :, None],
        (np.arange(size) * 2 % 256)[None, None, None, :],
        np.where(rng.random((1, channels, 1, 1)) < 0.5, 255, ramp[:, None]),
        sparse,
    ]
    return np.concatenate(
        [np.broadcast_to(kind, (len(kind), *shape)).astype(np.uint8) for kind in kinds]
    )


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_transformation_equals_pillow(channels, size):
    images = samples(channels, size)
    pictures = [
        Image.fromarray(image[0] if channels == 1 else image.transpose(1, 2, 0)) for image in images
    ]
    batch = torch.from_numpy(images)
    cases = {(o.name, o.value): o for o in LIBRARY}.values()
    for operation in cases:
        for sign in (1, -1):
            expected = np.stack(
                [
                    np.atleast_3d(pillow(picture, operation.name, operation.value, sign))
                    for picture in pictures
                ]
            ).transpose(0, 3, 1, 2)
            actual = transform(batch, operation.index, signs(len(batch), sign)).numpy()
            differing = np.flatnonzero((actual != expected).any(axis=(1, 2, 3)))
            assert not len(differing), (operation, sign, differing)


def test_library_values_are_those_of_linspace():
    ranges = {
        "shearY": np.linspace(0, 0.3, 10),
        "translateX": np.linspace(0, 150 / 331, 10),
        "translateY": np.linspace(0, 150 / 331, 10),
        "rotate": np.linspace(0, 30, 10),
        "posterize": np.round(np.linspace(8, 4, 10)),
        "solarize": np.linspace(256, 0, 10),
    }
    assert [operation.index for operation in LIBRARY] == list(range(50))
    assert len({(o.name, o.value) for o in LIBRARY}) == 29  # two of them are the identity
    for operation in LIBRARY:
        if operation.name in ("autocontrast", "equalize", "invert"):
            assert operation.value is None
        else:
            values = ranges.get(operation.name, np.linspace(0, 0.5, 10))
            assert operation.value == values[operation.level]


@pytest.mark.parametrize("index", range(50))
def test_an_image_does_not_depend_on_its_neighbours(index):
    stream = torch.Generator().manual_seed(index)
    images = torch.randint(0, 256, (90, 3, 32, 32), generator=stream, dtype=torch.uint8)
    mixed = torch.randint(0, 2, (90,), generator=stream) * 2 - 1
    together = transform(images, index, mixed)
    for row in (0, 41, 42, 89):
        alone = transform(images[row : row + 1], index, mixed[row : row + 1])
        assert torch.equal(together[row : row + 1], alone)


@pytest.mark.parametrize("index", range(50))
def test_three_equal_channels_are_treated_as_one(index):
    """What lets a policy on grey images run on one channel instead of three."""
    grey = torch.from_numpy(samples(1, 32))
    chosen = signs(len(grey), -1)
    tripled = transform(grey.expand(-1, 3, -1, -1), index, chosen)
    assert torch.equal(tripled, transform(grey, index, chosen).expand(-1, 3, -1, -1))


@pytest.mark.parametrize("index", range(50))
def test_input_is_left_alone_and_empty_batches_pass(index):
    image = fixture()
    transform(image, index, signs(1)).zero_()
    assert digest(image) == FIXTURE
    assert transform(image[:0], index, signs(0)).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("index", [-1, 50, True, 3.0, "3"])
def test_index_outside_the_library(index):
    with pytest.raises(ReveilError, match="0 to 49"):
        transform(fixture(), index, signs(1))


@pytest.mark.parametrize(
    ("images", "chosen", "message"),
    [
        (torch.zeros(2, 3, 32, 32), signs(2), "float32"),
        (torch.zeros(2, 2, 32, 32, dtype=torch.uint8), signs(2), "1 or 3 channels"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), signs(3), "1 or 3 channels"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), signs(3), "one sign per image"),
    ],
)
def test_wrong_tensors(images, chosen, message):
    with pytest.raises(ReveilError, match=message):
        transform(images, 3, chosen)


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("sign", [1, -1])
def test_mask_is_false_exactly_where_moves_fill(size, sign):
    """White images: after a move, content is white and fill is black or 128."""
    white = torch.full((1, 1, size, size), 255, dtype=torch.uint8)
    full = torch.ones(1, 1, size, size, dtype=torch.bool)
    moves = [o for o in LIBRARY if o.name.startswith(("translate", "shear", "rotate"))]
    for operation in moves:
        moved = transform(white, operation.index, signs(1, sign))
        mask = transform_mask(full, operation.index, signs(1, sign))
        assert torch.equal(mask, moved == 255)
        assert 0 < mask.sum() < mask.numel()


def test_mask_follows_the_sampled_points_of_partial_content():
    content = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    content[..., 8:24, 8:24] = True
    sheared = transform_mask(content, 10, signs(1))[0, 0]
    for column in range(32):
        shift = np.floor(0.3 * 5 / 9 * (column + 0.5) + 0.5).astype(int)
        expected = torch.zeros(32, dtype=torch.bool)
        if 8 <= column < 24:
            expected[max(8 - shift, 0) : 24 - shift] = True
        assert torch.equal(sheared[:, column], expected)


def test_operations_that_move_nothing_keep_the_mask():
    mask = torch.rand(2, 1, 32, 32) < 0.5
    for operation in LIBRARY:
        if not operation.name.startswith(("translate", "shear", "rotate")):
            assert transform_mask(mask, operation.index, signs(2)) is mask


def test_groups_come_back_in_order():
    values = torch.arange(7)
    groups = torch.tensor([2, 0, 2, 3, 0, 3, 2])
    seen = []

    def work(group, part, rows):
        seen.append((group, part.tolist()))
        assert torch.equal(part, values[rows])
        return part * 10 + group

    result = map_groups(groups, values, work)
    assert torch.equal(result, values * 10 + groups)
    assert seen == [(0, [1, 4]), (2, [0, 2, 6]), (3, [3, 5])]
