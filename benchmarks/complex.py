"""Time the cloud's part of a private network against PyTorch's own complex numbers.

The reference takes complex64 maps through native complex convolutions, as other reproductions of
Xiang et al. 2020 do; ours takes real and imaginary parts as one real batch. Both have the same
weights, and the results are compared first. A step is forward and backward, of the processing
module or, with `--whole`, of the network that a device trains: encoder, rotation by a key,
processing, rotation back, decoder and cross-entropy, alike in both ways but for the processing.
The ways are run in turns, so that other load on the machine falls on all; the last line is the
median of the repeats' ratios.

    python benchmarks/complex.py --model resnet20-alpha --batch 64 --threads 2
    python benchmarks/complex.py --model resnet56-alpha --batch 32 --whole
"""

import argparse
import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

import paired
import source
from paired import Comparison
from reveil.cvnn.coefficients import EPSILON
from reveil.cvnn.layers import ComplexConv2d, ModulusActivation, ModulusNorm
from reveil.cvnn.private import PrivateNetwork, build
from reveil.cvnn.protections import from_values
from reveil.cvnn.stacked import parts, stack
from reveil.job import choose_device
from reveil.rng import generator

PRESET = Path(source.__file__).resolve().parents[1] / "config" / "protections" / "default.yaml"
SIZE, CHANNELS, CLASSES = 32, 3, 10
# Of the largest modulus; both ways add in another order.
TOLERANCE = 1e-4
WEIGHTS = ("real", "complex")


class NativeNorm(nn.Module):
    """Batch norm of a channel by its mean square modulus, on complex numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.abs().square().mean((0, 2, 3), keepdim=True) + EPSILON).sqrt()


class NativeActivation(nn.Module):
    """delta(f) with c = 1, on complex numbers."""

    def forward(self, x: Tensor) -> Tensor:
        modulus = (x.abs().square() + EPSILON).sqrt()
        return x * (modulus / modulus.clamp(min=1))


def native(module: nn.Module) -> nn.Module:
    """Return a processing module with the same weights on native complex numbers."""
    if isinstance(module, ModulusNorm):
        return NativeNorm()
    if isinstance(module, ModulusActivation):
        return NativeActivation()
    if isinstance(module, nn.Conv2d | ComplexConv2d):
        return _native_convolution(module)
    made = copy.deepcopy(module)
    for name, child in module.named_children():
        setattr(made, name, native(child))
    return made


def _native_convolution(module: nn.Conv2d | ComplexConv2d) -> nn.Conv2d:
    if isinstance(module, nn.Conv2d):
        weight = torch.complex(module.weight, torch.zeros_like(module.weight))
    else:
        weight = torch.complex(module.real, module.imaginary)
    outputs, inputs, kernel, _ = weight.shape
    made = nn.Conv2d(
        *(inputs, outputs, kernel, module.stride, module.padding),
        bias=False,
        dtype=torch.complex64,
        device=weight.device,
    )
    made.weight = nn.Parameter(weight.detach())
    return made


def step(module: nn.Module, x: Tensor) -> Tensor:
    """Run a module forward and backward, and return what it gave."""
    module.zero_grad()
    y = module(x)
    y.abs().square().sum().backward()
    return y.detach()


class Whole(nn.Module):
    """A private network from images to the loss of the task, with a key for every image.

    Args:
        made: the network.
        processor: what takes its place for the processing, on native complex numbers; None for
            the network's own.
        batch: images in a step.
    """

    def __init__(self, made: PrivateNetwork, processor: nn.Module | None, batch: int) -> None:
        super().__init__()
        self.network, self.other = made, processor
        stream = generator(0, "benchmark-complex-keys")
        self.register_buffer("angles", 2 * torch.pi * torch.rand(batch, generator=stream))
        self.register_buffer("swapped", torch.rand(batch, generator=stream) < 0.5)
        self.register_buffer("labels", torch.randint(0, CLASSES, (batch,), generator=stream))

    def forward(self, images: Tensor) -> Tensor:
        a = self.network.encode(images)
        x = self.network.hide(a, a.roll(1, 0), self.angles, self.swapped)
        if self.other is None:
            h = self.network.process(x)
        else:
            z = self.other(torch.complex(*parts(x)))
            h = stack(z.real, z.imag)
        mine, _ = self.network.reveal(h, self.angles, self.swapped)
        return self.network.classify(mine)


def whole_step(module: Whole, images: Tensor) -> Tensor:
    """Run a network and its loss forward and backward, and return its logits."""
    module.zero_grad()
    logits = module(images)
    cross_entropy(logits, module.labels).backward()
    return logits.detach()


def whole_ways(
    options: argparse.Namespace, made: PrivateNetwork, device: torch.device
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Return our step of a whole network and the one on native complex numbers."""
    stream = generator(0, "benchmark-complex")
    images = torch.randn(options.batch, CHANNELS, SIZE, SIZE, generator=stream).to(device)
    twin = copy.deepcopy(made)
    processors = {made: None, twin: native(twin.processor)}
    ours, theirs = (
        partial(whole_step, Whole(model, processor, options.batch).to(device), images)
        for model, processor in processors.items()
    )
    return ours, theirs


def processing_ways(
    options: argparse.Namespace, made: PrivateNetwork, device: torch.device
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Return our step of the processing module and the one on native complex numbers."""
    shape = (2 * options.batch, *made.feature_shape)
    x = torch.randn(shape, generator=generator(0, "benchmark-complex")).to(device)
    x.requires_grad_()
    ours = made.processor.to(device)
    z = torch.complex(*parts(x.detach())).requires_grad_()
    theirs = partial(step, native(ours), z)
    return partial(step, ours, x), theirs


def network(model: str, weights: str) -> PrivateNetwork:
    """Return the network of the recommended protection with real or complex weights."""
    preset = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    protection = from_values(weights, {**preset, "weights": weights})
    return build(model, protection, CHANNELS, SIZE, CLASSES, seed=0)


def measure(options: argparse.Namespace) -> Comparison:
    """Return the seconds of a step for each way, beside native complex numbers."""
    device = choose_device(options.device)
    ways: dict[str, Callable[[], float]] = {}
    for weights in WEIGHTS:
        made = network(options.model, weights)
        both = (whole_ways if options.whole else processing_ways)(options, made, device)
        found, expected = (way() for way in both)
        # The logits of a whole network are real in both ways.
        compare(torch.complex(*parts(found)) if expected.is_complex() else found, expected)
        ways[f"stacked {weights}"] = paired.timed(both[0], device)
        # Native convolutions are complex whatever the weights are: the last ones serve for all.
        ways["native"] = paired.timed(both[1], device)
    return Comparison(paired.alternate(ways, options.repeats), reference="native")


def convolution_flops(options: argparse.Namespace) -> dict[str, int]:
    """Return the operations of the stacked processing's convolutions in a step, by weights.

    Real weights act on the two parts of a map; complex ones take three real products for four.
    """
    found = {}
    for weights in WEIGHTS:
        made = network(options.model, weights)
        x = torch.zeros(2 * options.batch, *made.feature_shape, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            step(made.processor, x)
        found[f"stacked {weights}"] = counter.get_total_flops()
    return found


def compare(ours: Tensor, theirs: Tensor) -> None:
    """Stop where the two ways differ."""
    error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    if error > TOLERANCE:
        raise SystemExit(f"the stacked and the native maps differ by {error:.1e} of the largest")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, repeats=15)
    parser.add_argument("--model", default="resnet20-alpha", help="a private ResNet")
    parser.add_argument("--batch", type=int, default=64, help="complex maps in a step")
    parser.add_argument("--whole", action="store_true", help="time a step of the whole network")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    compared = measure(options)
    ratios = compared.ratios
    print(f"{'':18}{'ms per step':>12}{'ratio':>8}  range")
    for name, (_, spent, _) in compared.seconds.items():
        print(f"{name:18}{1000 * spent:12.1f}{ratios[name].median:8.2f}  {ratios[name]}")
    ratio = ratios["stacked real"]
    own = {"ratio": ratio.median, "ratio_range": ratio.range, "flops": convolution_flops(options)}
    paired.write(options, choose_device(options.device), compared.facts() | own)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
