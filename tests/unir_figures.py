"""Made-up rows and pictures of the study unir, for the tests of its figures."""

import numpy as np
import pandas as pd

from reveil.unir.judging import COLUMNS
from reveil.unir.labels import UNTRAINED

SUBJECT = {"dataset": "fashion-mnist", "model": "unet"}
PLACE = ("run", "study", "protocol", "dataset", "model", "policy", "recipe", "seed", "attack")
# Recipe of a network -> PSNR in dB that it reaches on the first image at 50 % of pixels missing.
TRAINED = {
    "unir": 19.5, "cond-ambient": 17.5, "unir-released": 10.5, "splitting": 19.0, "paired": 21.0,
    "regress": 22.0,
}  # fmt: skip
# The same of methods that train nothing.
CLASSICAL = {
    "keep": 10.3, "mean-fill": 13.0, "median": 20.5, "normalised-1": 21.0, "tv": 22.8,
    "biharmonic": 21.8,
}  # fmt: skip
BLURRED = {"keep": 13.1, "wiener": 15.4, "tv": 14.8}


def rows(
    recipe="unir", psnr=(19.0, 20.0, 21.0), *, policy="remove-pixel-dark-50", attack="network",
    seed=0, **columns,
):  # fmt: skip
    """Return rows of images.csv, one image a PSNR; ``columns`` replace what is made up."""
    psnr = np.asarray(psnr, dtype=float)
    mse = 4 * 10 ** (-psnr / 10)
    model = "none" if recipe == UNTRAINED else SUBJECT["model"]
    table = pd.DataFrame({"image": range(len(psnr)), "psnr_db": psnr, "mse_pm1": mse})
    table = table.assign(
        run="made-up", study="unir", protocol="fixed-unir", dataset=SUBJECT["dataset"], model=model,
        policy=policy, recipe=recipe, seed=seed, attack=attack, label=table["image"] % 10,
        mse_01=mse / 4, ssim=1 - mse, residual=0.4 * mse, wall_seconds=0.1, status="ok", reason="",
    )  # fmt: skip
    if not policy.startswith(("convolve", "blur")):
        table = table.assign(psnr_db_dc=psnr + 1.0, missing_share=0.5)
    return table.assign(**columns).reindex(columns=[*PLACE, *COLUMNS])


def reached(found, *, policy="remove-pixel-dark-50", images=6, seeds=(0, 1), less=0.0):
    """Return rows of methods that reach ``found``, worse on later images and seed 1."""
    parts = []
    for name, psnr in found.items():
        untrained = name in CLASSICAL or name in BLURRED
        values = psnr - less - 0.15 * np.arange(images)
        for seed in (0,) if untrained else seeds:
            shifted = values - 0.4 * seed
            named = {"recipe": UNTRAINED, "attack": name} if untrained else {"recipe": name}
            parts.append(rows(psnr=shifted, policy=policy, seed=seed, **named))
    return pd.concat(parts, ignore_index=True)


def study(images=6):
    """Return images.csv of three operators; less where more is missing."""
    return pd.concat(
        [
            reached(TRAINED | CLASSICAL, images=images),
            reached(TRAINED | CLASSICAL, policy="patch-band", images=images, less=-2.0),
            reached(TRAINED | BLURRED, policy="convolve-noise", images=images, less=2.0),
        ],
        ignore_index=True,
    )


def history(
    recipe="unir", *, policy="remove-pixel-dark-50", seed=0, count=40, every=50, level=1.36,
    dead=False,
):  # fmt: skip
    """Return rows of histories.csv whose D nears ``level``; nothing of D where it is dead."""
    share = np.arange(1, count + 1) / count
    wave, apart = 0.05 * np.sin(9 * share + seed), 0.3 * (1.36 - level)
    table = {
        "step": every * np.arange(1, count + 1), "epoch": 0,
        "loss_d": level + (0.3 + 0.02 * seed) * np.exp(-5 * share) * np.cos(40 * share),
        "loss_g": 0.8 + 4 * np.exp(-8 * share) + wave + apart,
        "d_real": 0.55 + wave + apart, "d_fake_before": 0.45 - wave - apart,
        "d_fake_at": 0.42 - wave - apart,
        "residual": 0.05 + 0.1 * np.exp(-3 * share), "lr": 2e-4, "seconds": 9.0,
    }  # fmt: skip
    missing = ("loss_d", "d_real", "d_fake_before", "d_fake_at") if dead else ()
    where = {"run": "made-up", **SUBJECT, "policy": policy, "recipe": recipe, "seed": seed}
    return pd.DataFrame(where | table | dict.fromkeys(missing, np.nan))


def scored(
    recipe="ambientgan", score=8.0, *, policy="block-pixels-50", seed=0, half=0.2, **columns
):
    """Return a row of samples.csv."""
    ends = {"inception_score_low": score - half, "inception_score_high": score + half}
    row = {
        "run": "made-up", "protocol": "bora2018", "dataset": "fashion-mnist",
        "model": "ambient-mnist", "policy": policy, "recipe": recipe, "seed": seed,
        "inception_score": score, **ends, "n_samples": 10_000, "feature_network": "convnet",
    }  # fmt: skip
    return pd.DataFrame([row | columns])


def faces(count=6, channels=1, size=16, seed=0):
    """Return (count, channels, size, size) uint8: one bright disc each, wherever it falls."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    centres = rng.uniform(0.3, 0.7, (count, 2, 1, 1)) * size
    discs = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2 < (0.25 * size) ** 2
    shades = rng.integers(120, 255, (count, channels, 1, 1))
    return (discs[:, None] * shades + 20 * ~discs[:, None]).astype(np.uint8)


def measured(clean, share=0.5, seed=1):
    """Return float32 measurements in [-1, 1] of bytes, with sites that are missing at 0."""
    mask = np.random.default_rng(seed).random((len(clean), 1, *clean.shape[2:])) >= share
    return ((clean / 127.5 - 1) * mask).astype(np.float32)


def write_pictures(path, *, numbers=(3, 5, 8), channels=1, again=True, blur=0):
    """Write an archive of pictures of one method, made worse by ``blur``."""
    clean = faces(len(numbers), channels)
    guess = np.clip(clean.astype(int) + blur, 0, 255).astype(np.uint8)
    arrays = {"index": np.array(numbers), "clean": clean, "measured": measured(clean),
              "reconstruction": guess}  # fmt: skip
    if again:
        arrays["remeasured"] = measured(guess, seed=2)
    np.savez(path, **arrays)
    return path
