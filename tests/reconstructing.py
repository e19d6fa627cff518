"""Small trainings of reconstructions on made-up images, which take a fraction of a second each."""

from pathlib import Path

import numpy as np
import torch
import yaml

from reveil.unir.operators.interface import make
from reveil.unir.operators.measurements import Measurements
from reveil.unir.operators.settings import from_values
from reveil.unir.training import train_reconstruction

OPERATORS = Path(__file__).parents[1] / "config" / "operators"
SIZE, MODEL, SAMPLER = 8, "unet-w2", "dcgan-w2"
RECONSTRUCTION = {
    "variant": "unir",
    "gan_loss": "bce",
    "weight": 2.0,
    "reduction": "mean",
    "d_input": "remeasured",
    "lik_detach": "target",
    "lik_share_noise": True,
    "order": "critic-first",
    "generator_steps": 1,
    "critic_steps": 1,
    "corruption": "fixed",
    "assumed": "",
    "steps": 4,
    "critic_learning_rate": 2e-3,
    "beta1": 0.5,
    "beta2": 0.999,
    "penalty": 10,
    "ema": 0.0,
    "ema_images": 16,
    "init": "normal",
    "residual_output": False,
    "spectral_norm": "none",
    "attention": False,
    "latent": "normal",
    "unmeasure": "blur",
    "kl_weight": 1.0,
    "log_every": 2,
}
RECIPE = {"batch_size": 8, "learning_rate": 2e-3, "gamma": 1.0, "precision": "fp32"}


def values(**keys):
    """Every key of an operator: half of the sites removed, but for what is said."""
    default = yaml.safe_load((OPERATORS / "default.yaml").read_text())
    return {**default, "share": 0.5, **keys}


def operator(shape=(1, SIZE, SIZE), **keys):
    return make(from_values("made", values(**keys)), shape)


def measured(made=None, count=24, kind=Measurements, corruption="fixed"):
    """Measurements of squares of one grey on another."""
    made = made or operator()
    stream = np.random.default_rng(0)
    pixels = np.empty((count, *made.shape), dtype=np.uint8)
    pixels[:] = stream.integers(0, 100, (count, 1, 1, 1))
    pixels[:, :, 2:6, 2:6] = stream.integers(150, 256, (count, 1, 1, 1))
    return kind(made, pixels, np.arange(count), 0, "train", corruption)


def recipe(top=None, **keys):
    if keys.get("variant") == "unir-released":
        keys = {"d_input": "reconstruction", **keys}
    return {**RECIPE, **(top or {}), "reconstruction": {**RECONSTRUCTION, **keys}}


def run(measurements=None, *, top=None, model=MODEL, seed=0, state=None, held_out=None, **keys):
    """Train; keys of the recipe's ``reconstruction``, and of its top, may be changed."""
    measurements = measurements or measured()
    return train_reconstruction(
        measurements,
        measurements.operator,
        model,
        recipe(top, **keys),
        seed=seed,
        state=state,
        held_out=held_out,
    )


def networks(trained):
    every = (trained.generator, trained.discriminator, trained.averaged)
    return [network for network in every if network is not None]


def same(first, second):
    """Whether two trainings ended in the same bits, discriminators and averages included."""
    return all(
        torch.equal(value, other.state_dict()[name])
        for mine, other in zip(networks(first), networks(second), strict=True)
        for name, value in mine.state_dict().items()
    )
