"""What a job takes where nothing was measured: the guesses, each with its reason.

seconds = start-up + work x (passes x multiply-adds / speed + each)

No number here counts as measured in a forecast, though those of the CPU stand on benchmarks: what a
machine does is known once its own jobs have run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CPU, GPU = "cpu", "gpu"

# Multiply-adds a second in fp32. CPU, of one thread: a training step of ResNet20-4 takes 15.0 ms
# an image on two threads (benchmarks/results/training-cpu2.json), 3 passes of 0.648e9. GPU:
# Warmerdam et al. (2022) took 48 s for an epoch of 50,000 images on a GTX 1080 Ti, 2.0e12 a second
# and 36 % of its peak of 5.7e12; the same share of the 9.75e12 of an A100 is 3.5e12. No GPU of ours
# has run yet.
SPEED: Mapping[str, float] = MappingProxyType({CPU: 65e9, GPU: 3.5e12})
# bf16 against fp32. CPU: benchmarks/results/training-cpu2.json; GPU: a guess.
BF16: Mapping[str, float] = MappingProxyType({CPU: 3.0, GPU: 2.0})
# From Snakemake's start of a job to its first work: Python, PyTorch, on a GPU its driver, too. CPU:
# the shortest jobs of config/demo.yaml took 2 s of processor time; GPU: a guess.
STARTUP: Mapping[str, float] = MappingProxyType({CPU: 2.0, GPU: 10.0})
# How far off a guessed start-up may be, as a factor.
STARTUP_FACTOR = 2.0


@dataclass(frozen=True)
class Rate:
    """What a unit of a rule's work takes.

    Attributes:
        unit: of the work, in words.
        passes: forward passes of the network that a unit is worth.
        each: seconds of a unit beside its multiply-adds, by device: starting kernels, Python,
            reading. On a GPU it is what a step takes at least, shared by the images in it.
        factor: a guess lies between its seconds divided by and multiplied by this, by device.
        reason: where the numbers come from.
    """

    unit: str
    passes: float
    each: Mapping[str, float]
    factor: Mapping[str, float]
    reason: str


def _rate(
    unit: str,
    passes: float,
    reason: str,
    cpu: float = 0.0,
    gpu: float = 0.0,
    factor: tuple[float, float] = (2.0, 4.0),
) -> Rate:
    return Rate(unit, passes, {CPU: cpu, GPU: gpu}, {CPU: factor[0], GPU: factor[1]}, reason)


RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "train_model": _rate(
            "image x epoch",
            3,
            "forward, and twice that backward; a step of 128 images takes 20 ms on a GPU at least",
            cpu=1e-4,
            gpu=1.5e-4,
        ),
        "train_private_model": _rate(
            "image x epoch",
            3,
            "network and critic, each forward and backward; the critic's penalty backward twice; a "
            "step of 128 images takes 60 ms on a GPU at least",
            cpu=4e-4,
            gpu=5e-4,
            factor=(3.0, 4.0),
        ),
        "train_reconstruction": _rate(
            "image x step",
            3,
            "generator and discriminator, forward and backward: on two threads 2.8 ms an image and "
            "step with the U-Net (benchmarks/results/reconstruction-cpu2.json); a step of 64 "
            "images takes 15 ms on a GPU at least",
            cpu=1e-3,
            gpu=2.5e-4,
            factor=(2.0, 4.0),
        ),
        "attack_images": _rate(
            "image x iteration",
            12,
            "the gradient of a gradient: ResNet20-4 takes 61 ms on two threads, LeNetZhu 0.76 ms "
            "(benchmarks/results/attack-*-cpu2.json); an iteration of 112 images takes 30 ms on a "
            "GPU at least",
            cpu=7e-4,
            gpu=3e-4,
        ),
        "score_candidates": _rate(
            "gradient of an image",
            4,
            "2,000 gradients of ResNet20-4 take 41 s on two threads, a candidate 50 s with its "
            "S_acc (benchmarks/results/scores-cpu2.json)",
            cpu=4e-4,
            gpu=1e-4,
        ),
        "train_attacker": _rate(
            "image x epoch",
            3,
            "a U-Net of 100 million multiply-adds behind the encoder; patience ends a training, "
            "after 100 epochs or so: the networks of docs/reproduction/cvnn.md took 20 to 150",
            cpu=4e-4,
            gpu=3e-4,
            factor=(5.0, 6.0),
        ),
        "attack_features": _rate(
            "guess of an angle or image",
            1,
            "one pass of critic or decoder",
            cpu=1e-4,
            gpu=2e-5,
            factor=(3.0, 4.0),
        ),
        "reconstruct_images": _rate(
            "image x iteration",
            3,
            "by a network one pass; classical methods milliseconds, biharmonic filling a second",
            cpu=2e-3,
            gpu=5e-4,
            factor=(4.0, 4.0),
        ),
        "draw_samples": _rate(
            "sample",
            4,
            "generator and classifier, for images and measurements, and two Frechet distances",
            cpu=2e-3,
            gpu=5e-4,
            factor=(3.0, 4.0),
        ),
        "prepare": _rate(
            "megabyte of arrays",
            0,
            "unpacking; faces and birds are JPEG, about a millisecond for 100 kB of pixels",
            cpu=2e-2,
            gpu=2e-2,
            factor=(3.0, 3.0),
        ),
        "fetch_dataset": _rate(
            "megabyte",
            0,
            "at 10 MB a second; from a local folder it is seconds",
            cpu=0.1,
            gpu=0.1,
            factor=(10.0, 10.0),
        ),
    }
)
# Rules whose work is of the same sort.
ALIKE: Mapping[str, str] = MappingProxyType(
    {
        "score_singles": "score_candidates",
        "score_list": "score_candidates",
        "trace_gradsim": "score_candidates",
        "prepare_dataset": "prepare",
        "prepare_coarse_dataset": "prepare",
        "prepare_faces": "prepare",
        "prepare_folder": "prepare",
        "prepare_plugin": "prepare",
    }
)
# Figures, tables, policies: Python, pandas and Matplotlib, started anew.
LIGHT_SECONDS = 4.0
LIGHT_FACTOR = 3.0


def rate_of(rule: str) -> Rate | None:
    """Return the rate of a rule, or None for a light one, which takes ``LIGHT_SECONDS``."""
    return RATES.get(ALIKE.get(rule, rule))
