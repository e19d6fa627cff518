"""Made-up tidy tables of the study cvnn, for the tests of its tables and figures."""

import numpy as np
import pandas as pd

from reveil.config.presets import read_yaml
from reveil.cvnn.tables.core import cell_name
from tests.workflow import ROOT

COLUMNS = list(read_yaml(ROOT / "workflow/schemas/cvnn_images.schema.yaml")["properties"])
SUBJECT = {"dataset": "cifar10", "model": "resnet32-alpha"}
TRAINED = SUBJECT | {"recipe": "private"}
MEAN_COLOUR, BLEND = 0.25, 0.175
QUARTER = np.pi / 2
# Policy -> what a made-up attack on it reaches: RMSE on [0, 1] of the first image.
REACHED = {
    "none": 0.05, "additional": 0.06, "noisy-50": 0.09, "rotation-relu": 0.08, "rotation": 0.12,
    "rotation-swap": 0.16,
}  # fmt: skip
# Factor of the fair comparison -> its levels, the second one the stronger protection.
CORE = {"end": ("relu", "linear"), "adversary": ("off", "wgan"), "swap": ("keep", "swap")}
UNMIXED = ("none", "additional", "noisy")


def attacked(
    policy="rotation", rmse=(0.1, 0.12, 0.14, 0.16), *, attack="inversion1", seed=0, **columns
):
    """Return rows of images.csv, one image an RMSE; ``columns`` replace what is made up."""
    table = pd.DataFrame({"image": range(len(rmse)), "rmse": np.asarray(rmse, dtype=float)})
    mixed = not policy.startswith(UNMIXED)
    table = table.assign(
        **TRAINED, run="made-up", study="cvnn", protocol="recommended", policy=policy, seed=seed,
        attack=attack, defence="none", label=table["image"] % 10, mse_pm1=4 * table["rmse"] ** 2,
        mae=0.8 * table["rmse"], psnr_db=-20 * np.log10(table["rmse"]), ssim=1 - 4 * table["rmse"],
        rmse_mean_colour=MEAN_COLOUR, rmse_blend=BLEND if mixed else np.nan, attacker_epochs=40,
        wall_seconds=0.5, status="ok", reason="",
    )  # fmt: skip
    if mixed:
        table = table.assign(
            partner=(table["image"] + 1) % len(table), swapped=0, rmse_partner=0.3,
            rmse_either=table["rmse"], rmse_mean_colour_either=MEAN_COLOUR - 0.02,
        )  # fmt: skip
    return _complete(table.assign(**columns))


def angled(policy="rotation", errors=(0.05, QUARTER, 0.5, np.pi), *, attack="inversion1", **more):
    """Return rows of images.csv with these circular errors of the angle, theta being 1."""
    errors = np.asarray(errors, dtype=float)
    turns = np.round(errors / QUARTER)
    quarter = np.abs(errors - turns * QUARTER)
    return attacked(policy, np.full(len(errors), 0.2), attack=attack, **more).assign(
        theta_rad=1.0, theta_guess_rad=(1.0 + errors) % (2 * np.pi), angle_error_rad=errors,
        angle_error_quarter_rad=quarter, quarter_turns=np.where(quarter <= 0.1, turns, np.nan),
    )  # fmt: skip


def inferred(policy="rotation", correct=(1, 0, 0, 1), *, attack="infer-features", **columns):
    """Return rows of images.csv of an attack that infers a class, 1 where it is right."""
    rows = attacked(policy, np.full(len(correct), 0.2), attack=attack)
    measures = COLUMNS[COLUMNS.index("rmse") : COLUMNS.index("label_guess")]
    rows = rows.assign(**dict.fromkeys(measures, np.nan), label_guess=3, label_correct=correct)
    return _complete(rows.assign(**columns))


def trained(policy="rotation", *, seed=0, error=10.0, **columns):
    """Return a row of models.csv; a network without a key has no accuracy with a random one."""
    mixed = not policy.startswith(UNMIXED)
    row = {
        "run": "made-up", **TRAINED, "policy": policy, "seed": seed, "epochs": 100,
        "parameters": 470_000, "accuracy_clean_pct": 100 - error,
        "accuracy_random_pct": 21.0 if mixed else np.nan,
        "accuracy_wrong_pct": 10.5 if mixed else np.nan, "n_test": 10_000, "train_seconds": 1800.0,
        "multiply_adds_device": 26_000_000, "multiply_adds_cloud": 24_000_000,
        "adversarial_gradient_norm": 0.5 if mixed else np.nan, "clipped_share": np.nan,
        "equivariance_error": 2e-6 if mixed else np.nan, "weights_digest": f"{policy}-{seed}",
    }  # fmt: skip
    return pd.DataFrame([row | columns])


def epochs(policy="rotation", *, seed=0, count=6, real=1.0, fake=0.2, clipped=np.nan):
    """Return rows of histories.csv whose critic tells ``real`` from ``fake`` ever better."""
    share = np.arange(1, count + 1) / count
    return pd.DataFrame(
        {
            "run": "made-up", **TRAINED, "policy": policy, "seed": seed,
            "epoch": np.arange(count), "lr": 0.1, "train_loss": 2 - share,
            "train_accuracy_pct": 90 * share, "test_loss": 2.1 - share,
            "test_accuracy_pct": 88 * share, "random_key_accuracy_pct": 21.0,
            "wrong_key_accuracy_pct": 10.5,
            "critic_real": real * share, "critic_fake": fake * share,
            "adversarial_gradient_norm": 0.5 + 0.1 * seed, "clipped_share": clipped * share,
            "seconds": 18.0,
        }
    )  # fmt: skip


def attacker(
    policy="rotation", losses=(0.04, 0.02, 0.03, 0.01, 0.02), *, attack="inversion1", seed=0,
    part="decoder",
):  # fmt: skip
    """Return rows of attackers.csv; the weights of the epoch with the lowest loss are kept."""
    losses = np.asarray(losses, dtype=float)
    epoch = np.arange(len(losses))
    return pd.DataFrame(
        {
            "run": "made-up", "study": "cvnn", "protocol": "recommended", **TRAINED,
            "policy": policy, "seed": seed, "attack": attack, "part": part, "epoch": epoch,
            "train_loss": 0.9 * losses, "validation_loss": losses,
            "best": (epoch == losses.argmin()).astype(int), "seconds": 2.0,
            "stopped": np.where(epoch == epoch[-1], "patience", ""),
        }
    )  # fmt: skip


def core_name(end, adversary, swap):
    return cell_name((end, adversary, swap))


def core(effects=(0.04, 0.01, 0.03), *, images=12, seeds=(0,), attack="inversion1"):
    """Return rows of images.csv of the eight cells: each factor adds its effect to the RMSE."""
    base = np.linspace(0.08, 0.12, images)
    parts = []
    for number in range(8):
        levels = [(number >> place) & 1 for place in (2, 1, 0)]
        names = [CORE[factor][level] for factor, level in zip(CORE, levels, strict=True)]
        added = sum(effect * level for effect, level in zip(effects, levels, strict=True))
        for seed in seeds:
            rmse = base + added + 0.002 * seed
            parts.append(attacked(core_name(*names), rmse, attack=attack, seed=seed))
    return pd.concat(parts, ignore_index=True)


def study(policies=tuple(REACHED), attacks=("inversion1", "inversion2-joint"), images=12):
    """Return images.csv of attacks that reach ``REACHED``, worse on later images and seed 1."""
    parts = []
    for policy in policies:
        for number, attack in enumerate(attacks):
            for seed in (0, 1):
                rmse = REACHED[policy] + 0.002 * np.arange(images) + 0.01 * number + 0.004 * seed
                parts.append(attacked(policy, rmse, attack=attack, seed=seed))
    return pd.concat(parts, ignore_index=True)


def networks(policies=tuple(REACHED), seeds=(0, 1)):
    """Return models.csv: an error of 10 % and half a point more for every further policy."""
    rows = [
        trained(policy, seed=seed, error=10 + 0.5 * number + 0.2 * seed)
        for number, policy in enumerate(policies)
        for seed in seeds
    ]
    return pd.concat(rows, ignore_index=True)


def _complete(table):
    # Columns that nothing was said of are empty, in the order of the schema.
    return table.reindex(columns=COLUMNS)
