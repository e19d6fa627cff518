"""Time a step of unsupervised reconstruction against a plain loop of the same algorithm.

The reference measures every image by itself on the CPU, in the data set, in each epoch anew from
the image's seed, and in the loop, where a mask is drawn for each reconstruction and put on it; it
steps with PyTorch's optimizers and looks at both losses after each step. A second plain loop,
`batched`, has the same losses and optimizers, but measures all images before it starts and draws
and puts on the masks of a batch in a few operations: what is left over it is not owed to measuring
image by image. Ours is what the rule that trains a reconstruction runs. All train the same networks
on the same made-up images, in turns, so that other load on the machine falls on all; the last line
is the median of the repeats' ratios to the first, and `ratio_batched` in the JSON that to the
second.

    python benchmarks/reconstruction.py --model unet --batch 64 --threads 2
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

import paired
import source
from paired import Comparison
from reveil.job import choose_device
from reveil.rng import generator
from reveil.unir.networks import build, build_discriminator
from reveil.unir.operators.interface import make
from reveil.unir.operators.measurements import Measurements
from reveil.unir.operators.settings import from_values
from reveil.unir.training import train_reconstruction

PRESET = Path(source.__file__).resolve().parents[1] / "config" / "operators" / "default.yaml"
CHANNELS, SIZE, SHARE, WEIGHT = 1, 32, 0.5, 2.0
PRECISIONS = ("fp32", "bf16")
BATCHED = "batched"
RECONSTRUCTION: dict[str, Any] = {
    "variant": "unir",
    "gan_loss": "bce",
    "weight": WEIGHT,
    "reduction": "mean",
    "d_input": "remeasured",
    "lik_detach": "target",
    "lik_share_noise": True,
    "order": "critic-first",
    "generator_steps": 1,
    "critic_steps": 1,
    "assumed": "",
    "critic_learning_rate": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "ema": 0.0,
}


def removed(image: Tensor, source: torch.Generator | None) -> Tensor:
    """Return one image (C, H, W) with half of its sites set to 0, a site at a time."""
    height, width = image.shape[1:]
    mask = torch.ones(height, width)
    for site in torch.randperm(height * width, generator=source)[: int(SHARE * height * width)]:
        mask[site // width, site % width] = 0
    return image * mask.to(image)


class Corrupted(Dataset):
    """Images that are scaled and measured when they are asked for, each from its own seed."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        source = torch.Generator().manual_seed(index)
        return removed(torch.from_numpy(self.pixels[index]).float() / 127.5 - 1, source)


def removed_batch(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) each with half of its own sites set to 0, all at once."""
    count, _, height, width = images.shape
    order = torch.rand(count, height * width, device=images.device).argsort(dim=1)
    kept = (order >= int(SHARE * height * width)).view(count, 1, height, width)
    return images * kept


def reference(options: argparse.Namespace, pixels: np.ndarray, batched: bool = False) -> float:
    """Train for the steps of the options by a plain loop, and return the seconds of a step.

    Args:
        options: of the command line.
        pixels: uint8 (N, C, H, W).
        batched: measure a batch at a time, and the images once.
    """
    device = choose_device(options.device)
    shape = (CHANNELS, SIZE, SIZE)
    g = build(options.model, CHANNELS, SIZE, RECONSTRUCTION, 0).to(device)
    d = build_discriminator(options.model, CHANNELS, SIZE, RECONSTRUCTION, 0, shape).to(device)
    of_g, of_d = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (g, d)
    )
    real, fake = torch.ones(options.batch, device=device), torch.zeros(options.batch, device=device)
    data: Dataset | Tensor = Corrupted(pixels)
    if batched:
        data = removed_batch(torch.from_numpy(pixels).float() / 127.5 - 1)
    done, start = 0, time.perf_counter()
    while done < options.steps:
        for y in DataLoader(data, options.batch, shuffle=True, drop_last=True):
            if done == options.steps:
                break
            y = y.to(device)
            x_hat = g(y)
            if batched:
                masks = removed_batch(torch.ones(len(y), *shape, device=device))
            else:
                masks = torch.stack([removed(torch.ones(shape), None) for _ in y]).to(device)
            y_hat = x_hat * masks
            of_d.zero_grad()
            loss_d = binary_cross_entropy_with_logits(d(y), real)
            loss_d = loss_d + binary_cross_entropy_with_logits(d(y_hat.detach()), fake)
            loss_d.backward()
            of_d.step()
            of_g.zero_grad()
            loss_g = binary_cross_entropy_with_logits(d(y_hat), real)
            loss_g = loss_g + WEIGHT * mse_loss(g(y_hat) * masks, y_hat.detach())
            loss_g.backward()
            of_g.step()
            loss_d.item(), loss_g.item()
            done += 1
    return (time.perf_counter() - start) / options.steps


def ours(options: argparse.Namespace, pixels: np.ndarray, precision: str) -> float:
    """Train for the steps of the options with reveil, and return the seconds of a step."""
    preset = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    operator = make(from_values("half", {**preset, "share": SHARE}), (CHANNELS, SIZE, SIZE))
    measurements = Measurements(operator, pixels, np.arange(len(pixels)), 0, "train")
    steps = {"steps": options.steps, "log_every": options.steps}
    recipe = {
        "batch_size": options.batch,
        "learning_rate": 2e-4,
        "gamma": 1.0,
        "precision": precision,
        "reconstruction": {**RECONSTRUCTION, **steps},
    }
    device = choose_device(options.device)
    trained = train_reconstruction(
        measurements, operator, options.model, recipe, seed=0, device=device
    )
    return trained.seconds / options.steps


def measure(options: argparse.Namespace) -> Comparison:
    """Return the seconds of a step for each way."""
    stream = generator(0, "benchmark-reconstruction")
    shape = (options.images, CHANNELS, SIZE, SIZE)
    pixels = torch.randint(0, 256, shape, generator=stream, dtype=torch.uint8).numpy()
    ways = {
        "reference": lambda: reference(options, pixels),
        BATCHED: lambda: reference(options, pixels, batched=True),
        **{f"reveil {p}": lambda p=p: ours(options, pixels, p) for p in PRECISIONS},
    }
    return Comparison(paired.alternate(ways, options.repeats))


def step_flops(options: argparse.Namespace) -> int:
    """Return the operations of a step's convolutions and linear layers, done as ours does them.

    G of y, D of a true and a simulated measurement and their gradients, D of the simulated one
    again for G's gradient, and G of the simulated measurement, with one backward pass through all.
    """
    shape = (CHANNELS, SIZE, SIZE)
    g = build(options.model, CHANNELS, SIZE, RECONSTRUCTION, 0)
    d = build_discriminator(options.model, CHANNELS, SIZE, RECONSTRUCTION, 0, shape)
    y = torch.zeros(options.batch, *shape)
    with FlopCounterMode(display=False) as counter:
        y_hat = g(y)
        (d(y).sum() + d(y_hat.detach()).sum()).backward()
        (d(y_hat).sum() + g(y_hat).sum()).backward(inputs=list(g.parameters()))
    return counter.get_total_flops()


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__)
    parser.add_argument("--model", default="unet", help="name of the generator")
    parser.add_argument("--images", type=int, default=512, help="measurements")
    parser.add_argument("--batch", type=int, default=64, help="measurements in a step")
    parser.add_argument("--steps", type=int, default=16, help="steps of a run")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="fp32",
        help="the one whose ratio is printed last",
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    compared = measure(options)
    ratios = compared.ratios
    print(f"{'':16}{'ms per step':>12}{'images/s':>12}{'ratio':>8}  range")
    for name, (_, spent, _) in compared.seconds.items():
        speed = f"{1000 * spent:12.1f}{options.batch / spent:12.1f}"
        print(f"{name:16}{speed}{ratios[name].median:8.2f}  {ratios[name]}")
    ratio = ratios[f"reveil {options.precision}"]
    beside = replace(compared, reference=BATCHED).ratios[f"reveil {options.precision}"]
    own = {
        "ratio": ratio.median,
        "ratio_range": ratio.range,
        "ratio_batched": beside.median,
        "ratio_batched_range": beside.range,
        "flops": step_flops(options),
    }
    print(f"beside a loop that measures batches: {beside.median:.2f}  {beside}")
    paired.write(options, choose_device(options.device), compared.facts() | own)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
