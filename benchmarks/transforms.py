"""Speed of the batched transformations against Pillow, one image at a time as the papers run it.

Every single transformation of the library, and the published policies with their hybrids and the
random one, are applied to the same images with the same draws. Outputs are compared first; then
the two ways are timed in turns, so that other load on the machine falls on both. A batch takes a
millisecond or two, so one timing is of several in a row, as in an epoch, after one that takes back
the memory that Pillow's loop let go. The last lines are the ratios of the times over the policies
and over everything, the medians of the repeats.

    python benchmarks/transforms.py --count 1000 --size 32 --threads 2
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np
import PIL
import torch
from PIL import Image, ImageEnhance, ImageOps

import paired
import source  # noqa: F401
from paired import Comparison, Spread
from reveil import datasets, policies
from reveil.job import choose_device
from reveil.rng import generator
from reveil.transforms import LIBRARY, Operation, compiled, transform
from reveil.views import View, view_for

SIDES = ("pillow", "batched")
BLACK, GREY = (0, 0, 0), (128,) * 4


@dataclass(frozen=True)
class Case:
    """One row of the table: the same work in two ways, each returning uint8 (N, 3, H, W)."""

    name: str
    pillow: Callable[[], np.ndarray]
    batched: Callable[[], torch.Tensor]


def _affine(image: Image.Image, matrix: tuple[float, ...], resample: int) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, resample, fillcolor=BLACK)


def _rotate(image: Image.Image, degrees: float, sign: int) -> Image.Image:
    rotated = image.convert("RGBA").rotate(degrees)
    grey = Image.new("RGBA", rotated.size, GREY)
    return Image.composite(rotated, grey, rotated).convert(image.mode)


NEAREST, BICUBIC = Image.Resampling.NEAREST, Image.Resampling.BICUBIC
PILLOW: dict[str, Callable[[Image.Image, float | None, int], Image.Image]] = {
    "shearY": lambda i, v, s: _affine(i, (1, 0, 0, v * s, 1, 0), BICUBIC),
    "translateX": lambda i, v, s: _affine(i, (1, 0, v * i.size[0] * s, 0, 1, 0), NEAREST),
    "translateY": lambda i, v, s: _affine(i, (1, 0, 0, 0, 1, v * i.size[1] * s), NEAREST),
    "rotate": _rotate,
    "color": lambda i, v, s: ImageEnhance.Color(i).enhance(1 + v * s),
    "contrast": lambda i, v, s: ImageEnhance.Contrast(i).enhance(1 + v * s),
    "sharpness": lambda i, v, s: ImageEnhance.Sharpness(i).enhance(1 + v * s),
    "brightness": lambda i, v, s: ImageEnhance.Brightness(i).enhance(1 + v * s),
    "posterize": lambda i, v, s: ImageOps.posterize(i, int(v)),
    "solarize": lambda i, v, s: ImageOps.solarize(i, v),
    "autocontrast": lambda i, v, s: ImageOps.autocontrast(i),
    "equalize": lambda i, v, s: ImageOps.equalize(i),
    "invert": lambda i, v, s: ImageOps.invert(i),
}


def pillow_loop(
    pictures: np.ndarray, operations: list[list[Operation]], signs: list[list[int]]
) -> np.ndarray:
    """Transform images (N, H, W, 3) one after the other; operations and signs per image."""
    done = []
    for picture, steps, chosen in zip(pictures, operations, signs, strict=True):
        image = Image.fromarray(picture)
        for operation, sign in zip(steps, chosen, strict=False):
            image = PILLOW[operation.name](image, operation.value, sign)
        done.append(np.asarray(image))
    return np.stack(done).transpose(0, 3, 1, 2)


def single_case(images: torch.Tensor, pictures: np.ndarray, operation: Operation) -> Case:
    """One transformation of the library on all images."""
    stream = generator(0, "benchmark", operation.index)
    signs = torch.randint(0, 2, (len(images),), generator=stream) * 2 - 1
    listed = [[sign] for sign in signs.tolist()]
    return Case(
        operation.name,
        lambda: pillow_loop(pictures, [[operation]] * len(pictures), listed),
        lambda: transform(images, operation.index, signs),
    )


def policy_case(view: View, images: torch.Tensor, pictures: np.ndarray, name: str) -> Case:
    """One policy on all images, with a sign per slot and a member per image."""
    policy = policies.parse(name)
    draws = view.draw(policy, range(len(images)), 0, augment="policy")
    operations = [[LIBRARY[i] for i in policy.members[m]] for m in draws.member.tolist()]
    return Case(
        name,
        lambda: pillow_loop(pictures, operations, draws.signs.tolist()),
        lambda: view.victim(images, draws, policy),
    )


def make_cases(count: int, size: int, device: torch.device) -> list[Case]:
    """All transformations, then the policies, on the same random images."""
    stream = generator(0, "benchmark-images")
    images = torch.randint(0, 256, (count, 3, size, size), generator=stream, dtype=torch.uint8)
    pictures = np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1))
    images = images.to(device)
    dataset = datasets.get("tiny-imagenet-200" if size == 64 else "cifar100")
    view = view_for(
        dataset, {"fmnist_pipeline": "orig", "policy_channels": 3, "normalisation": "dataset"}
    )
    names = [policies.RANDOM]
    for pair in policies.PUBLISHED.values():
        names += [*pair, policies.canonical("+".join(pair))]
    singles = [single_case(images, pictures, operation) for operation in LIBRARY]
    return singles + [policy_case(view, images, pictures, name) for name in names]


def timed(
    work: Callable[[], object], warm_up: int, calls: int, device: torch.device
) -> tuple[float, float]:
    """Return the seconds of one of ``calls`` calls, and those it keeps cores busy."""

    def synchronise() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for _ in range(warm_up):
        work()
    synchronise()
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(calls):
        work()
    synchronise()
    return (time.perf_counter() - start) / calls, (time.process_time() - busy) / calls


def measure(
    cases: list[Case], repeats: int, calls: int, device: torch.device
) -> tuple[dict[str, dict[str, float]], dict[str, Spread]]:
    """Return median seconds of Pillow and batched for each name, and ratios by name.

    ``ratio`` is of time over everything, ``policies_ratio`` over the policies alone, and
    ``core_ratio`` of cores' time: what one core does, however many others want it.
    """
    counts = {"pillow": (0, 1), "batched": (1, calls)}
    ways = {
        (number, side): partial(timed, getattr(case, side), *counts[side], device)
        for number, case in enumerate(cases)
        for side in SIDES
    }
    runs = paired.alternate(ways, repeats, warm_up={})

    def compared(numbers: Sequence[int], kind: int) -> Comparison:
        spent = {
            side: [sum(runs[n, side][repeat][kind] for n in numbers) for repeat in range(repeats)]
            for side in SIDES
        }
        return Comparison(spent, reference="pillow")

    named: dict[str, list[int]] = {}
    for number, case in enumerate(cases):
        named.setdefault(case.name, []).append(number)
    table = {
        name: {side: spread.median for side, spread in compared(numbers, 0).seconds.items()}
        for name, numbers in named.items()
    }
    everything, singles = range(len(cases)), len(LIBRARY)
    parts = {
        "ratio": (everything, 0),
        "core_ratio": (everything, 1),
        "policies_ratio": (everything[singles:], 0),
        "policies_core_ratio": (everything[singles:], 1),
    }
    return table, {name: compared(*part).ratios["batched"] for name, part in parts.items()}


def check_equal(cases: list[Case]) -> None:
    """Stop if a batched result differs from Pillow's in one byte; warms the caches, too."""
    for case in cases:
        if not np.array_equal(case.pillow(), case.batched().cpu().numpy()):
            raise SystemExit(f"{case.name}: the batched result differs from Pillow's")


def main() -> None:
    """Check, measure, print, and write the JSON file if one is asked for."""
    parser = paired.parser(__doc__)
    parser.add_argument("--count", type=int, default=1000, help="images in a batch")
    parser.add_argument("--size", type=int, choices=(32, 64), default=32, help="pixels")
    parser.add_argument("--calls", type=int, default=10, help="batches in one timing")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    compiled.prefer()

    device = choose_device(arguments.device)
    cases = make_cases(arguments.count, arguments.size, device)
    check_equal(cases)
    table, ratios = measure(cases, arguments.repeats, arguments.calls, device)

    uses = {name: sum(case.name == name for case in cases) for name in table}
    print(f"{'':22}{'cases':>6}{'Pillow ms':>12}{'batched ms':>12}{'ratio':>8}")
    for name, row in table.items():
        pillow, batched = (1e3 * row[side] / uses[name] for side in SIDES)
        print(f"{name:22}{uses[name]:6}{pillow:12.1f}{batched:12.2f}{pillow / batched:8.1f}")
    found = {
        "numba": numba.__version__,
        "pillow": PIL.__version__,
        "seconds": table,
        **{name: spread.median for name, spread in ratios.items()},
        **{f"{name}_range": spread.range for name, spread in ratios.items()},
    }
    paired.write(arguments, device, found)
    for what, name in (("policies", "policies_ratio"), ("everything", "ratio")):
        cores = ratios[name.replace("ratio", "core_ratio")]
        print(f"{what}: {ratios[name]}, of the time of cores {cores}")
    print(f"ratio: {ratios['ratio'].median:.1f}")


if __name__ == "__main__":
    main()
