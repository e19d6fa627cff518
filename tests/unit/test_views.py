"""What networks see of images, against Pillow's chain of one image at a time."""

import zlib
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from reveil.datasets import CIFAR10_STATISTICS, CIFAR100_STATISTICS, Dataset
from reveil.draws import AUGMENTS, Draws
from reveil.errors import ReveilError
from reveil.policies import Policy, parse
from reveil.resize import resize_bilinear, resize_mask
from reveil.transforms import LIBRARY
from reveil.views import PIPELINES, SPLITS, View, view_for
from tests.unit.test_transforms import pillow

HYBRID = parse("2-43-21+19-15-45")
SIZES = {"orig": 32, "pad32": 32, "resize32": 32, "native28": 28}


def make_dataset(family: str, channels: int, size: int) -> Dataset:
    mean, std = CIFAR100_STATISTICS if channels == 3 else ((0.1307,), (0.3081,))
    return Dataset(
        name=f"{family}-test",
        title="Test",
        family=family,
        format="idx",
        channels=channels,
        size=size,
        classes=10,
        counts=MappingProxyType({"train": 10, "test": 10}),
        mean=mean,
        std=std,
        archives=(),
    )


FASHION = make_dataset("fashion-mnist", 1, 28)
CIFAR = make_dataset("cifar100", 3, 32)
TINY = make_dataset("tiny-imagenet-200", 3, 64)


def make_view(dataset: Dataset = CIFAR, **recipe) -> View:
    defaults = {"fmnist_pipeline": "orig", "policy_channels": 3, "normalisation": "dataset"}
    return view_for(dataset, {**defaults, **recipe})


def random_images(dataset: Dataset, count: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(count)
    shape = (count, dataset.channels, dataset.size, dataset.size)
    return torch.randint(0, 256, shape, generator=stream, dtype=torch.uint8)


def to_array(picture: Image.Image) -> np.ndarray:
    return np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)


def reference(view: View, image: np.ndarray, draws: Draws, row: int, policy: Policy) -> np.ndarray:
    """The papers' chain for one image: crop, mirror, policy, grey, resize."""
    stretch = Image.Resampling.BILINEAR
    picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    if view.policy_channels == 3:
        picture = picture.convert("RGB")
    if view.pipeline == "resize32":
        picture = picture.resize((32, 32), stretch)
    if "crop_flip" in draws.augment or view.pipeline == "pad32":
        top, left = draws.crop[row].tolist() if "crop_flip" in draws.augment else (2, 2)
        picture = ImageOps.expand(picture, 4, fill=0)
        picture = picture.crop((left, top, left + view.size, top + view.size))
    if "crop_flip" in draws.augment and draws.flip[row]:
        picture = ImageOps.mirror(picture)
    if "policy" in draws.augment:
        member = policy.members[draws.member[row]]
        for index, sign in zip(member, draws.signs[row].tolist(), strict=False):
            operation = LIBRARY[index]
            picture = pillow(picture, operation.name, operation.value, sign)
    if view.shape[0] == 1:
        picture = picture.convert("L")
    if picture.size != (view.size, view.size):
        picture = picture.resize((view.size, view.size), stretch)
    return to_array(picture)


def crc(image: torch.Tensor) -> tuple[int, str]:
    pixels = image.numpy()
    return int(pixels.sum(dtype=np.int64)), f"{zlib.crc32(pixels.tobytes()):08x}"


def test_golden_values_of_the_fashion_mnist_path():
    y, x = np.mgrid[:28, :28]
    raw = torch.from_numpy(((3 * x**2 + 5 * y**2 + 7 * x * y) % 256).astype(np.uint8))[None, None]
    assert crc(raw) == (98748, "89bcd49f")
    for pipeline in ("orig", "resize32"):
        stretched = make_view(FASHION, fmnist_pipeline=pipeline).evaluate(raw)
        assert crc(stretched) == (129137, "f0d3ba07")
    centred = make_view(FASHION, fmnist_pipeline="pad32").evaluate(raw)
    assert crc(centred) == (98748, "5df20f4a")
    assert torch.equal(make_view(FASHION, fmnist_pipeline="native28").evaluate(raw), raw)
    middle = Draws(
        torch.zeros(1, dtype=torch.int64),
        torch.ones(1, 3, dtype=torch.int8),
        torch.tensor([[2, 2]]),
        torch.tensor([False]),
        "crop_flip",
    )
    cropped = make_view(FASHION, fmnist_pipeline="orig").victim(raw, middle, parse("none"))
    assert crc(cropped) == (98748, "5df20f4a")


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_fashion_mnist_pipelines_equal_pillow(pipeline, channels, augment):
    view = make_view(FASHION, fmnist_pipeline=pipeline, policy_channels=channels)
    assert view.shape == (1, SIZES[pipeline], SIZES[pipeline])
    raw = random_images(FASHION, 16)
    draws = view.draw(HYBRID, range(16), 3, augment=augment)
    victims = view.victim(raw, draws, HYBRID).numpy()
    for row in range(16):
        expected = reference(view, raw[row].numpy(), draws, row, HYBRID)
        assert np.array_equal(victims[row], expected)
    if augment == "none":
        assert np.array_equal(victims, view.evaluate(raw).numpy())


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("dataset", [CIFAR, TINY], ids=["32", "64"])
def test_colour_pipelines_equal_pillow(dataset, augment):
    view = make_view(dataset)
    policy = parse("3-1-7+12-10+2-6-13")
    assert view.shape == (3, dataset.size, dataset.size)
    raw = random_images(dataset, 24)
    draws = view.draw(policy, range(24), 3, augment=augment)
    victims = view.victim(raw, draws, policy).numpy()
    for row in range(24):
        expected = reference(view, raw[row].numpy(), draws, row, policy)
        assert np.array_equal(victims[row], expected)
    assert torch.equal(view.evaluate(raw), raw)


@pytest.mark.parametrize("size", [28, 29, 32, 40, 64])
def test_resize_equals_pillow(size):
    images = random_images(FASHION, 3)
    enlarged = resize_bilinear(images, size).numpy()
    for image, actual in zip(images.numpy(), enlarged, strict=True):
        picture = Image.fromarray(image[0]).resize((size, size), Image.Resampling.BILINEAR)
        assert np.array_equal(actual, to_array(picture))


def test_resize_refuses_to_shrink():
    with pytest.raises(ReveilError, match="28 or more"):
        resize_bilinear(random_images(FASHION, 1), 27)


def test_resized_mask_takes_the_nearest_pixel():
    mask = torch.rand(2, 1, 28, 28) < 0.5
    picture = Image.fromarray(mask[0, 0].numpy().astype(np.uint8) * 255)
    expected = np.asarray(picture.resize((32, 32), Image.Resampling.NEAREST)) == 255
    assert np.array_equal(resize_mask(mask, 32)[0, 0].numpy(), expected)


def test_draws_of_an_image_are_its_own():
    view = make_view()
    policy = parse("3-1-7+43-18-18")
    images = [5, 900, 17, 3]
    together = view.draw(policy, images, 1)
    for row, image in enumerate(images):
        alone = view.draw(policy, [image], 1)
        for field in ("member", "signs", "crop", "flip"):
            assert torch.equal(getattr(together, field)[row], getattr(alone, field)[0])
    other_seed, other_purpose = (
        view.draw(policy, images, 2),
        view.draw(policy, images, 1, purpose="x"),
    )
    for other in (other_seed, other_purpose):
        assert not torch.equal(together.crop, other.crop)


def test_draws_are_uniform_and_independent():
    count = 4000
    view = make_view()
    draws = view.draw(parse("3-1-7+43-18-18+7-4-15"), range(count), 0)
    assert (draws.member.bincount() - count / 3).abs().max() < 5 * (count * 2 / 9) ** 0.5
    for axis in (0, 1):
        offsets = draws.crop[:, axis].bincount()
        assert len(offsets) == 9
        assert (offsets - count / 9).abs().max() < 5 * (count / 9) ** 0.5
    columns = torch.cat([draws.signs, 2 * draws.flip[:, None] - 1], 1).double()
    assert set(columns.unique().tolist()) == {-1.0, 1.0}
    assert columns.mean(0).abs().max() < 5 / count**0.5
    correlation = columns.T.corrcoef() - torch.eye(4)
    assert correlation.abs().max() < 5 / count**0.5


@pytest.mark.parametrize(
    ("dataset", "pipeline", "largest"),
    [
        (FASHION, "orig", 4),
        (FASHION, "pad32", 4),
        (FASHION, "resize32", 8),
        (FASHION, "native28", 8),
    ],
)
def test_crop_offsets_cover_the_padding(dataset, pipeline, largest):
    draws = make_view(dataset, fmnist_pipeline=pipeline).draw(parse("none"), range(400), 0)
    assert (draws.crop.min(), draws.crop.max()) == (0, largest)


def test_the_same_crop_under_every_policy_and_augmentation():
    view = make_view()
    first = view.draw(parse("none"), range(8), 0, augment="crop_flip")
    second = view.draw(parse("3-1-7+43-18-18"), range(8), 0)
    assert torch.equal(first.crop, second.crop)
    assert torch.equal(first.flip, second.flip)


def test_hybrid_draw_first_takes_the_first_member_and_leaves_the_rest():
    view = make_view()
    policy = parse("3-1-7+43-18-18")
    first = view.draw(policy, range(50), 0, hybrid_draw="first")
    usual = view.draw(policy, range(50), 0)
    assert not first.member.any()
    assert usual.member.any()
    assert torch.equal(first.signs, usual.signs)


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("42-28-42+14-48-48", (42, 28, 42)),
        ("only-42-28-42+14-48-48", (42, 28, 42)),
        ("21-13-3+7-4-15", (21, 13, 3)),
        ("14-48-48+9-9-9", (14, 48, 48)),
    ],
)
def test_hybrid_draw_first_takes_the_first_of_a_published_pair(name, member):
    """Names sort 14-48-48 first, but Drabent et al. give 42-28-42 first."""
    policy = parse(name)
    draws = make_view().draw(policy, range(5), 0, hybrid_draw="first")
    assert {policy.members[i] for i in draws.member.tolist()} == {member}


def test_draws_of_an_epoch():
    view = make_view()
    policy = parse("3-1-7+43-18-18")
    draws = view.draw_epoch(policy, 1000, 0, 3, "crop_flip+policy")
    assert len(draws) == 1000
    assert torch.equal(draws.crop, view.draw_epoch(policy, 1000, 0, 3, "crop_flip").crop)
    assert not torch.equal(draws.crop, view.draw_epoch(policy, 1000, 0, 4, "crop_flip").crop)
    assert not torch.equal(draws.crop, view.draw_epoch(policy, 1000, 1, 3, "crop_flip").crop)
    assert 400 < draws.member.sum() < 600
    rows = torch.tensor([7, 3])
    some = draws[rows]
    assert torch.equal(some.signs, draws.signs[rows])
    assert (len(some), some.augment) == (2, "crop_flip+policy")


def test_one_image_does_not_depend_on_its_neighbours():
    view = make_view()
    policy = parse("3-1-7+43-18-18")
    raw = random_images(CIFAR, 12)
    draws = view.draw(policy, range(12), 0)
    together = view.victim(raw, draws, policy)
    for row in range(12):
        one = slice(row, row + 1)
        assert torch.equal(view.victim(raw[one], draws[one], policy), together[one])


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_content_mask_of_moves_finds_the_fill(pipeline, augment):
    """A white image stays white where it is content; padding and shifts are black."""
    view = make_view(FASHION, fmnist_pipeline=pipeline)
    policy = parse("3-7+21")
    raw = torch.full((30, 1, 28, 28), 255, dtype=torch.uint8)
    draws = view.draw(policy, range(30), 0, augment=augment)
    mask = view.content_mask(draws, policy)
    victims = view.victim(raw, draws, policy)
    assert mask.shape == victims.shape
    if pipeline == "orig" and augment == "policy":  # stretching mixes at the edge of the fill
        assert (victims[mask] > 127).all()
        assert (victims[~mask] < 128).all()
    else:
        assert torch.equal(mask, victims == 255)
    if augment == "none":
        assert mask.sum() == 30 * (28 * 28 if pipeline == "pad32" else view.size**2)


def test_content_mask_of_shear_and_rotation():
    view = make_view()
    policy = parse("10+2")
    raw = torch.full((20, 3, 32, 32), 255, dtype=torch.uint8)
    draws = view.draw(policy, range(20), 0, augment="policy")
    mask = view.content_mask(draws, policy)
    assert mask.shape == (20, 1, 32, 32)
    victims = view.victim(raw, draws, policy)
    assert torch.equal(mask.expand_as(victims), victims == 255)


def constants(statistics):
    return (torch.tensor(values).view(1, 3, 1, 1) for values in statistics)


@pytest.mark.parametrize(
    ("normalisation", "train", "test", "victim", "score", "start"),
    [
        ("dataset", *[CIFAR100_STATISTICS] * 5),
        ("cifar10", *[CIFAR10_STATISTICS] * 5),
        ("cifar100", *[CIFAR100_STATISTICS] * 5),
        ("orig_mismatch", CIFAR10_STATISTICS, CIFAR100_STATISTICS, *[CIFAR10_STATISTICS] * 3),
        ("warmerdam_mixed", CIFAR10_STATISTICS, *[CIFAR100_STATISTICS] * 3, CIFAR10_STATISTICS),
        ("symmetric", *[((0.5,) * 3, (0.5,) * 3)] * 5),
    ],
)
def test_normalisation(normalisation, train, test, victim, score, start):
    view = make_view(normalisation=normalisation)
    images = random_images(CIFAR, 2)
    expected_of = {"train": train, "test": test, "victim": victim, "score": score, "start": start}
    for split, statistics in expected_of.items():
        mean, std = constants(statistics)
        expected = (images / 255 - mean) / std
        actual = view.normalise(images, split)
        assert actual.dtype == torch.float32
        torch.testing.assert_close(actual, expected)
    mean, std = constants(start)
    low, high = view.box
    assert low.shape == high.shape == (1, 3, 1, 1)
    torch.testing.assert_close(low, -mean / std)
    torch.testing.assert_close(high, (1 - mean) / std)
    x = torch.tensor([-3.0, 0.0, 4.0]).view(1, 3, 1, 1).double()
    restored = view.denormalise(x)
    assert restored.dtype == torch.float64
    torch.testing.assert_close(restored, x * std + mean, check_dtype=False)
    back = view.denormalise(view.normalise(images, "start"))
    torch.testing.assert_close(back, images / 255)


def test_the_mixture_of_warmerdam_in_numbers():
    """Section 2.1 of the methods: black comes back as about (0.023, 0.020, 0.029)."""
    view = make_view(normalisation="warmerdam_mixed")
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    victims = view.normalise(ends, "victim").flatten(1)
    # -0.50716 / 0.26733 = -1.8971 of CIFAR-100; the start and the box are CIFAR-10's.
    expected = torch.tensor([[-1.8971, -1.8979, -1.5977], [1.8435, 2.0017, 2.0235]])
    torch.testing.assert_close(victims, expected, rtol=0, atol=1e-4)
    start = torch.tensor([[-1.9895, -1.9807, -1.7079], [2.0586, 2.1264, 2.1149]])
    torch.testing.assert_close(view.normalise(ends, "start").flatten(1), start, rtol=0, atol=1e-4)
    box = torch.cat(view.box).flatten(1)
    torch.testing.assert_close(box, start, rtol=0, atol=1e-4)
    black = view.denormalise(victims[:1, :, None, None]).flatten().tolist()
    assert black == pytest.approx([0.0228, 0.0202, 0.0288], abs=1e-4)


@pytest.mark.parametrize("normalisation", ["cifar10", "orig_mismatch", "warmerdam_mixed"])
def test_other_datasets_keep_their_own_constants(normalisation):
    view = make_view(FASHION, normalisation=normalisation)
    images = torch.full((1, 1, 32, 32), 255, dtype=torch.uint8)
    for split in SPLITS:
        value = view.normalise(images, split)[0, 0, 0, 0].item()
        assert value == pytest.approx((1 - 0.1307) / 0.3081)


def test_symmetric_pixels_reach_from_minus_one_to_one():
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 32, 32)
    value = make_view(FASHION, normalisation="symmetric").normalise(ends)
    assert value.flatten(1).unique(dim=1).flatten().tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("recipe", "hint"),
    [
        ({"fmnist_pipeline": "pad3"}, "pad32"),
        ({"policy_channels": 2}, "1, 3"),
        ({"normalisation": "cifar-10"}, "cifar10"),
    ],
)
def test_bad_recipes(recipe, hint):
    with pytest.raises(ReveilError, match=hint):
        make_view(**recipe)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"augment": "flip"}, "augment: 'flip'"),
        ({"hybrid_draw": "last"}, "hybrid_draw: 'last'"),
    ],
)
def test_bad_draws(arguments, message):
    with pytest.raises(ReveilError, match=message):
        make_view().draw(parse("3"), [0], 0, **arguments)


def test_bad_images_and_splits():
    view = make_view()
    draws = view.draw(parse("3"), [0, 1], 0)
    good = random_images(CIFAR, 2)
    for bad in (good.float(), random_images(TINY, 2), good[0]):
        with pytest.raises(ReveilError, match="cifar100-test"):
            view.evaluate(bad)
    with pytest.raises(ReveilError, match="2 rows for 1 images"):
        view.victim(good[:1], draws, parse("3"))
    with pytest.raises(ReveilError, match="split: 'valid'"):
        view.normalise(good, "valid")
