"""Compiled code and tensor operations transform alike, by whatever way a batch takes."""

import hashlib
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from reveil import digest
from reveil.errors import ReveilError
from reveil.transforms import (
    LIBRARY,
    compiled,
    transform,
    transform_mask,
    transform_policy,
    transform_policy_mask,
)
from tests.unit.test_transforms import samples

pytest.importorskip("numba")
INDEX = {operation.name: operation.index for operation in LIBRARY}


@pytest.fixture(autouse=True)
def compiled_from_the_first_image(monkeypatch):
    monkeypatch.setattr(compiled._Work, "images", 0)
    compiled.prefer()


@pytest.fixture
def with_tensors(monkeypatch):
    """Return a function that calls another one where no numba is installed."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "_has_numba", lambda: False)
            return function(*arguments)

    return call


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def random_images(count: int, *shape: int, seed: int = 0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *shape), generator=stream, dtype=torch.uint8)


def random_signs(*shape: int, seed: int = 0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, shape, generator=stream).mul_(2).sub_(1).to(torch.int8)


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_both_ways(channels, size, with_tensors):
    """On images of every kind, and on more than tensor operations take at once."""
    awkward = torch.from_numpy(samples(channels, size))
    many = random_images(90, channels, size, size)
    images = torch.cat([awkward, awkward, many])
    signs = torch.cat([torch.ones(len(awkward)), -torch.ones(len(awkward)), random_signs(90)])
    for operation in LIBRARY:
        expected = with_tensors(transform, images, operation.index, signs)
        assert torch.equal(transform(images, operation.index, signs), expected), operation


@pytest.mark.parametrize("shape", [(3, 3, 40), (1, 40, 3), (3, 5, 7), (1, 300, 200)])
def test_sizes_of_no_dataset(shape, with_tensors):
    images, signs = random_images(5, *shape), torch.tensor([1, -1, 1, -1, 1])
    for operation in LIBRARY:
        expected = with_tensors(transform, images, operation.index, signs)
        assert torch.equal(transform(images, operation.index, signs), expected), operation


def test_one_pixel_passes():
    image = torch.tensor([[[[200]]]], dtype=torch.uint8)
    outcomes = {
        o.name: transform(image, o.index, torch.ones(1)).item()
        for o in LIBRARY
        if o.name in ("invert", "sharpness", "equalize", "autocontrast", "contrast", "color")
    }
    assert outcomes.pop("invert") == 55
    assert set(outcomes.values()) == {200}


def test_autocontrast_between_any_two_extremes(with_tensors):
    low, high = torch.triu_indices(256, 256)
    ramp = torch.arange(256).expand(len(low), -1)
    images = ramp.clamp(low[:, None], high[:, None]).to(torch.uint8).view(-1, 1, 16, 16)
    arguments = (images, INDEX["autocontrast"], torch.ones(len(images)))
    assert torch.equal(transform(*arguments), with_tensors(transform, *arguments))


@pytest.mark.parametrize("name", ["brightness", "color", "contrast"])
def test_blends_of_any_two_values(name, with_tensors):
    """Reds of any value in images whose grey is about any value."""
    red, rest = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    images = torch.stack([red, rest, rest], dim=-1).to(torch.uint8).view(65536, 3, 1, 1)
    for operation in LIBRARY:
        if operation.name == name:
            for sign in (1, -1):
                arguments = (images, operation.index, torch.full((65536,), sign))
                assert torch.equal(transform(*arguments), with_tensors(transform, *arguments))


def test_random_hybrids_both_ways(with_tensors):
    chance = random.Random(0)
    for trial in range(40):
        lengths = [chance.randint(1, 3) for _ in range(chance.randint(1, 3))]
        members = [[chance.randrange(50) for _ in range(length)] for length in lengths]
        images = random_images(30, 1 + 2 * (trial % 2), 32, 32, seed=trial)
        drawn = torch.tensor([chance.randrange(len(members)) for _ in range(30)])
        arguments = (images, members, drawn, random_signs(30, 3, seed=trial))
        expected = with_tensors(transform_policy, *arguments)
        assert torch.equal(transform_policy(*arguments), expected), members


def test_a_policy_is_its_operations_one_by_one():
    images, signs = random_images(8, 3, 32, 32), random_signs(8, 3)
    drawn = torch.tensor([0, 1, 1, 0, 2, 0, 2, 1])
    members = ((3, 1, 7), (18,), ())
    actual = transform_policy(images, members, drawn, signs)
    masks = torch.ones(8, 1, 32, 32, dtype=torch.bool)
    moved = transform_policy_mask(masks, members, drawn, signs)
    for row, member in enumerate(drawn.tolist()):
        image, mask = images[row : row + 1], masks[row : row + 1]
        for slot, index in enumerate(members[member]):
            image = transform(image, index, signs[row : row + 1, slot])
            mask = transform_mask(mask, index, signs[row : row + 1, slot])
        assert torch.equal(actual[row], image[0])
        assert torch.equal(moved[row], mask[0])


def test_a_policy_without_operations_keeps_the_images():
    images = random_images(4, 3, 32, 32)
    assert transform_policy(images, ((),), torch.zeros(4).long(), random_signs(4, 3)) is images


@pytest.mark.parametrize("count", [1, 3])
def test_threads_change_nothing(count, threads):
    """More blocks than threads, called from two threads at once."""
    images = random_images(400, 3, 32, 32)
    arguments = (images, ((3, 1, 7), (43, 18, 18)), torch.arange(400) % 2, random_signs(400, 3))
    threads(1)
    expected = transform_policy(*arguments)
    threads(count)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(transform_policy, *arguments) for _ in range(6)]
        assert all(torch.equal(call.result(), expected) for call in calls)


def test_memory_in_another_order():
    images, signs = random_images(6, 3, 32, 32), random_signs(6)
    expected = transform(images, INDEX["rotate"], signs)
    other = images.to(memory_format=torch.channels_last)
    assert torch.equal(transform(other, INDEX["rotate"], signs), expected)


@pytest.mark.parametrize(
    ("drawn", "signs", "message"),
    [
        (torch.zeros(3).long(), torch.ones(4, 3), "drawn: shape"),
        (torch.zeros(4).long(), torch.ones(3, 3), "signs: shape"),
        (torch.zeros(4).long(), torch.ones(4, 1), "sign per image and slot"),
    ],
)
def test_draws_for_other_images(drawn, signs, message):
    with pytest.raises(ReveilError, match=message):
        transform_policy(random_images(4, 3, 32, 32), ((3, 1),), drawn, signs)


def test_a_policy_outside_the_library():
    with pytest.raises(ReveilError, match="0 to 49"):
        transform_policy(
            random_images(4, 3, 32, 32), ((3, 50),), torch.zeros(4).long(), torch.ones(4, 3)
        )


def test_without_numba_there_is_no_compiled_path(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled._has_numba.cache_clear()
    try:
        assert not compiled.serves(random_images(1, 3, 32, 32))
    finally:
        compiled._has_numba.cache_clear()


def test_the_first_images_of_a_process_do_not_load_numba(monkeypatch):
    images = random_images(10, 3, 32, 32)
    monkeypatch.setattr(compiled._Work, "images", 0)
    monkeypatch.setattr(compiled, "_LOADING_PAYS", 20)
    assert [compiled.serves(images) for _ in range(4)] == [False, False, True, True]


def test_compiling_needs_no_place_to_keep_the_result(monkeypatch):
    from numba.core import caching

    from reveil import compiling

    def read_only(locator):
        raise OSError("read-only")

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", read_only)
    assert compiling.compiled_once(_double)(np.int64(4)) == 8


def every_operation() -> str:
    """Return a digest of what every operation makes of some images."""
    compiled.prefer()
    images = torch.cat([random_images(6, 3, 9, 15), random_images(6, 3, 9, 15) // 40 * 40])
    made = [transform(images, o.index, random_signs(12)) for o in LIBRARY]
    return hashlib.sha256(torch.stack(made).numpy()).hexdigest()


def test_a_processor_without_wide_lookups_makes_the_same_bytes():
    """Compiled for any processor, in a process of its own, as numba settles that once."""
    code = "import tests.unit.test_transforms_paths as t; print(t.every_operation())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_CPU_NAME": "generic"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == every_operation()


def _double(value):
    return 2 * value


def test_an_edit_of_what_is_compiled_counts_as_one_of_the_views():
    found: dict[str, str] = {}
    digest._collect("reveil.views", found)
    assert {"reveil.transforms.kernels", "reveil.transforms.tables"} <= set(found)
