"""Made-up tidy tables of the study unir, for the tests of its tables."""

from functools import cache

import numpy as np
import pandas as pd

from reveil.config.presets import read_yaml
from reveil.unir.history import LOSSES
from reveil.unir.judging import COLUMNS, MEASURES
from reveil.unir.labels import UNTRAINED
from reveil.unir.tables.scores import COLUMNS as SCORES
from reveil.unir.tables.scores import DISTANCES, NOT_AVAILABLE
from tests.workflow import ROOT

NAMES = ["run", "study", "protocol", "dataset", "model", "policy", "recipe", "seed", "attack",
         "defence"]  # fmt: skip
MODELS = [
    *(name for name in NAMES if name not in ("study", "protocol", "attack", "defence")),
    *("steps", "parameters_generator", "parameters_discriminator", "n_train", "train_seconds"),
    *("loss_d", "loss_g", "loss_adversarial", "loss_likelihood", "loss_supervised"),
    "weights_digest",
]
SUBJECT = {"dataset": "fashion-mnist", "model": "unet"}
FACES = {"dataset": "celeba-64", "model": "pajot"}
OPERATOR = "remove-pixel-dark-50"
# The keys of a recipe's training that the tables read.
TRAINING = {
    "variant": "unir", "gan_loss": "bce", "weight": 2.0, "reduction": "mean",
    "d_input": "remeasured", "lik_detach": "target", "lik_share_noise": True,
    "corruption": "fixed", "assumed": "", "steps": 800, "critic_learning_rate": 2e-4, "beta1": 0.5,
    "ema": 0.0, "spectral_norm": "none", "unmeasure": "blur", "log_every": 50,
}  # fmt: skip
# Recipe -> what it does otherwise than unir.
RECIPES = {
    "unir": {},
    "cond-ambient": {"variant": "cond-ambient"},
    "unir-released": {
        "variant": "unir-released",
        "gan_loss": "least-squares",
        "d_input": "reconstruction",
    },
    "unpaired": {"variant": "unpaired"},
    "paired": {"variant": "paired"},
    "regress": {"variant": "regress"},
    "splitting": {"variant": "splitting"},
    "unir-weight-0": {"weight": 0.0},
    "unir-weight-10": {"weight": 10.0},
    "unir-fresh": {"corruption": "fresh"},
    "unir-detach-both": {"lik_detach": "both"},
    "unir-own-noise": {"lik_share_noise": False},
    "unir-hinge": {"gan_loss": "hinge", "spectral_norm": "critic"},
    "unir-1k": {"log_every": 10},
    "guo2020-code": {"variant": "guo2020-code"},
    "guo2020-intended": {"variant": "guo2020-intended"},
    "ambientgan": {"variant": "ambientgan"},
    "ignore": {"variant": "ignore"},
    "unmeasure-blur": {"variant": "unmeasure"},
    "unmeasure-biharmonic": {"variant": "unmeasure", "unmeasure": "biharmonic"},
}
# Method -> PSNR of the first image, in dB.
REACHED = {
    "keep": 10.0, "mean-fill": 13.0, "tv": 22.5, "unir": 19.0, "cond-ambient": 17.5,
    "splitting": 18.5, "regress": 22.0,
}  # fmt: skip
UNLEARNT = ("keep", "mean-fill", "tv", "wiener", "mean-image")


def recipes(*names, subjects=(SUBJECT, FACES), **more):
    """Return the recipes of networks; ``more`` are further ones, by what they do otherwise."""
    told = {name: RECIPES[name] for name in names or RECIPES} | more
    return [
        subject
        | {
            "recipe": name,
            "settings": {"batch_size": 64, "learning_rate": 2e-4}
            | {"reconstruction": TRAINING | otherwise},
        }
        for subject in subjects
        for name, otherwise in told.items()
    ]


@cache
def operators():
    """Return the values of all presets of operators, by name."""
    folder = ROOT / "config/operators"
    values = {path.stem: read_yaml(path) or {} for path in folder.glob("*.yaml")}
    default = values.pop("default")
    return {name: default | own for name, own in values.items()}


def reconstructed(
    recipe="unir", psnr=(18.0, 19.0, 20.0, 21.0), *, attack=None, seed=0, subject=None, **columns
):
    """Return rows of images.csv, one image a PSNR; ``columns`` replace what is made up.

    A recipe of ``UNLEARNT`` is the preset of a method without a network.
    """
    psnr = np.asarray(psnr, dtype=float)
    mse = 4 * 10 ** (-psnr / 10)
    subject = SUBJECT if subject is None else subject
    named = subject | {"recipe": recipe, "attack": attack or "network"}
    if recipe in UNLEARNT:
        named = subject | {"recipe": UNTRAINED, "attack": recipe, "model": UNTRAINED}
    table = pd.DataFrame({"image": range(len(psnr)), "psnr_db": psnr, "mse_pm1": mse})
    table = table.assign(
        **named, run="made-up", study="unir", protocol="fixed-unir", policy=OPERATOR, seed=seed,
        defence="none", label=table["image"] % 10, mse_01=mse / 4, ssim=1 - mse, mse_pm1_dc=mse / 2,
        mse_01_dc=mse / 8, psnr_db_dc=psnr + 10 * np.log10(2), ssim_dc=1 - mse / 2,
        mse_pm1_missing=2 * mse, mse_01_missing=mse / 2, psnr_missing_db=psnr - 10 * np.log10(2),
        residual=mse / 3, missing_share=0.5, wall_seconds=0.5, status="ok", reason="",
    )  # fmt: skip
    return table.assign(**columns)[[*NAMES, *COLUMNS]]


def study(methods=tuple(REACHED), *, images=4, seeds=(0, 1, 2), **columns):
    """Return images.csv of methods that reach ``REACHED``, worse on later images and seeds."""
    parts = [
        reconstructed(
            method, REACHED[method] - 0.2 * np.arange(images) - 0.3 * seed, seed=seed, **columns
        )
        for method in methods
        for seed in seeds
    ]
    return pd.concat(parts, ignore_index=True)


def network(recipe="unir", *, seed=0, subject=None, **columns):
    """Return a row of models.csv."""
    row = {
        "run": "made-up", **(SUBJECT if subject is None else subject), "policy": OPERATOR,
        "recipe": recipe, "seed": seed, "steps": 800, "parameters_generator": 95_000,
        "parameters_discriminator": 95_000, "n_train": 20_000, "train_seconds": 180.0,
        "loss_d": 1.3 + 0.02 * seed, "loss_g": 0.9, "loss_adversarial": 0.8,
        "loss_likelihood": 0.05, "loss_supervised": np.nan, "weights_digest": f"{recipe}-{seed}",
    }  # fmt: skip
    return pd.DataFrame([row | columns])[MODELS]


def networks(*names, seeds=(0, 1, 2), **columns):
    """Return models.csv: a row for each recipe and seed."""
    found = [name for name in names or REACHED if name not in UNLEARNT]
    parts = [network(name, seed=seed, **columns) for name in found for seed in seeds]
    return pd.concat(parts, ignore_index=True)


def lines(recipe="guo2020-code", *, seed=0, epochs=2, per_epoch=3, subject=None, **columns):
    """Return rows of histories.csv, whose D loss is the number of the line and a tenth a seed."""
    count = epochs * per_epoch
    number = np.arange(1, count + 1)
    values = dict.fromkeys(LOSSES, 0.5) | {"loss_d": number + 0.1 * seed, "loss_g": 2.0 * number}
    table = pd.DataFrame(values).assign(
        run="made-up", **(FACES | {"model": "dcgan"} if subject is None else subject),
        policy="identity", recipe=recipe, seed=seed, step=50 * number,
        epoch=(number - 1) // per_epoch, residual=np.nan, lr=2e-4, seconds=9.0,
    )  # fmt: skip
    where = ["run", "dataset", "model", "policy", "recipe", "seed", "step", "epoch"]
    return table.assign(**columns)[[*where, *LOSSES, "residual", "lr", "seconds"]]


def drawn(recipe="ambientgan", score=8.0, *, seed=0, policy="block-pixels-50", **columns):
    """Return a row of samples.csv; no weights of Inception were at hand."""
    row = dict.fromkeys(SCORES, np.nan) | {
        "run": "made-up", "study": "unir", "protocol": "bora2018", "dataset": "fashion-mnist",
        "model": "ambient-mnist", "policy": policy, "recipe": recipe, "seed": seed,
        "inception_score": score, "inception_score_low": score - 0.2,
        "inception_score_high": score + 0.2, **dict.fromkeys(DISTANCES[:2], 12.5),
        **dict.fromkeys(DISTANCES[2:], NOT_AVAILABLE), "n_samples": 10_000,
        "feature_network": "convnet",
    }  # fmt: skip
    columns = row | columns
    return pd.DataFrame([columns])[[*NAMES[:8], *SCORES]]


def failed(rows, *images):
    """Return rows of which some images failed."""
    rows = rows.copy()
    wrong = rows["image"].isin(images)
    rows.loc[wrong, list(MEASURES)] = np.nan
    rows.loc[wrong, ["status", "reason"]] = ["failed", "the reconstruction is not finite"]
    return rows
