"""Measure what a device can do: products of matrices, convolutions and copies, by precision.

The rates are the limits that the other benchmarks are set beside. Matrices are square; the
convolutions are those of the stages of ResNet20-4 (3x3 kernels, channels last, batch norm and
activation left out); a copy reads and writes its bytes once. The last line is how many times as
fast a convolution is in bf16 as in fp32: above 1.2 bf16 is worth it there, which is what is called
native.

    python benchmarks/peak.py --threads 2
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import paired
import source  # noqa: F401
from paired import Spread
from reveil.job import choose_device
from reveil.precision import memory_format, precision

# (channels, height and width) of the three stages of ResNet20-4 at 32x32.
STAGES = ((64, 32), (128, 16), (256, 8))
SIZES = {"cpu": {"matrix": 2048, "batch": 128, "bytes": 2**28}}
SIZES["cuda"] = {"matrix": 8192, "batch": 1024, "bytes": 2**31}
NATIVE = 1.2


def rate(work: Callable[[], Any], amount: float, device: torch.device, options: Any) -> Spread:
    """Return amount per second over the repeats, each of which lasts ``options.seconds``."""
    timed = paired.timed(work, device)
    timed(), timed()
    rates = []
    for _ in range(options.repeats):
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < options.seconds:
            timed()
            done += 1
        rates.append(done * amount / (time.perf_counter() - began))
    return Spread.of(rates)


def matrices(size: int, kind: torch.dtype, device: torch.device) -> tuple[Callable, float]:
    """Return a product of two matrices, and its operations."""
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    return lambda: a @ b, 2.0 * size**3


def convolutions(
    batch: int, name: str, device: torch.device, backward: bool
) -> tuple[Callable, float]:
    """Return one convolution of each stage, forward or with both gradients, and its operations."""
    layout = memory_format(name, device)
    layers, inputs, amount = [], [], 0.0
    kind = torch.bfloat16 if name == "bf16" else torch.float32
    for channels, side in STAGES:
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        layers.append(layer.to(device, kind, memory_format=layout))
        x = torch.randn(batch, channels, side, side, device=device)
        inputs.append(x.to(kind, memory_format=layout).requires_grad_(backward))
        amount += 2.0 * batch * side**2 * 9 * channels**2

    def forward() -> None:
        with torch.no_grad():
            for layer, x in zip(layers, inputs, strict=True):
                layer(x)

    def both() -> None:
        for layer, x in zip(layers, inputs, strict=True):
            y: Tensor = layer(x)
            torch.autograd.grad(y, (x, layer.weight), y)

    return (both, 3 * amount) if backward else (forward, amount)


def measure(options: argparse.Namespace) -> dict[str, Spread]:
    """Return Gflop/s and GB/s by what was measured."""
    device = choose_device(options.device)
    sizes = SIZES[device.type]
    size, batch = options.matrix or sizes["matrix"], options.batch or sizes["batch"]
    found: dict[str, Spread] = {}

    def add(key: str, made: tuple[Callable, float]) -> None:
        spread = rate(*made, device, options)
        found[key] = Spread(*(value / 1e9 for value in spread))

    for name in ("fp32", "tf32", "bf16") if device.type == "cuda" else ("fp32", "bf16"):
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        kind = torch.bfloat16 if name == "bf16" else torch.float32
        add(f"matrices {name}", matrices(size, kind, device))
        with precision("tf32" if name == "tf32" else "fp32", device):
            add(f"convolutions {name}", convolutions(batch, name, device, backward=False))
            add(f"convolutions and gradients {name}", convolutions(batch, name, device, True))
    count = (options.bytes or sizes["bytes"]) // 4
    a, b = torch.ones(count, device=device), torch.empty(count, device=device)
    add("copy", (lambda: b.copy_(a), 8.0 * count))
    return found


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__)
    parser.add_argument("--matrix", type=int, help="rows of a matrix; by device if left out")
    parser.add_argument("--batch", type=int, help="images of a convolution; likewise")
    parser.add_argument("--bytes", type=int, help="bytes that are copied; likewise")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a repeat lasts")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    found = measure(options)
    print(f"{'':36}{'rate':>10}  range")
    for name, spread in found.items():
        unit = "GB/s" if name == "copy" else "Gflop/s"
        print(f"{name:36}{spread.median:10.1f}  {spread} {unit}")
    ratio = found["convolutions bf16"].median / found["convolutions fp32"].median
    own = {
        "rates": {name: spread.median for name, spread in found.items()},
        "rates_range": {name: spread.range for name, spread in found.items()},
        "native": ["fp32", *(["bf16"] if ratio > NATIVE else [])],
        "ratio": ratio,
    }
    paired.write(options, choose_device(options.device), own)
    print(f"ratio: {ratio:.1f}")


if __name__ == "__main__":
    main()
