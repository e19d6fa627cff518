"""Made-up tables for figures, and what their tests read from a figure."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

SUBJECT = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}
TITLE = "CIFAR-100, ResNet20-4, protocol fixed"
TWELVE = ("none", "crop-flip", "19-1-18", "3-1-7", "43-18-18", "3-1-7+43-18-18", "28", "39",
          "found-fixed-s0-1", "found-fixed-s0-2", "only-3-1-7", "5")  # fmt: skip


def attacked(policies=("none", "3-1-7"), images=12, seeds=(0,)):
    rng = np.random.default_rng(0)
    rows = []
    for policy in policies:
        for seed in seeds:
            for image in range(images):
                floors = rng.normal([8, 10, 9], 1)
                rows.append([policy, seed, image, rng.normal(11, 2), *floors, floors.max(), "ok"])
    columns = ["policy", "seed", "image", "psnr_db", "floor_random_db", "floor_mean_db",
               "floor_black_db", "floor_db", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def texts(figure: Figure) -> str:
    """Return every text of a figure, also those of axes and legends, one a line."""
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found)


def lines_labelled(figure: Figure, label: str) -> list[Line2D]:
    return [line for axes in figure.axes for line in axes.lines if line.get_label() == label]


def heading(figure: Figure) -> str:
    return figure.get_suptitle().replace("\n", " ")


def interpolation(policies=("none", "3-1-7"), images=10, seeds=(0, 1)):
    points = np.linspace(0, 1, 5)
    rows = [
        {"policy": policy, "seed": seed, "image": image, "point": point,
         "gradsim": point ** (1 + place) + 0.01 * image * (1 - point) + 0.1 * seed * (1 - point),
         "gradsim_global": point}
        for place, policy in enumerate(policies)
        for seed in seeds
        for image in range(images)
        for point in points
    ]  # fmt: skip
    return pd.DataFrame(rows)


def single_scores(seeds=(0,)):
    rows = [
        {**SUBJECT, "seed": seed, "candidate": index, "policy": "none" if index < 0 else str(index),
         "s_pri": 0.3 + 0.001 * index, "s_pri_n": 100,
         "s_pri_low": 0.29, "s_pri_high": 0.36, "s_acc": -67.0, "status": "ok"}
        for seed in seeds
        for index in range(-1, 50)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def scores():
    table = pd.DataFrame(
        {
            "policy": ["3-1-7", "9", "5", "3-3-3", "0", "1"],
            "s_pri": [0.23, 0.4, 0.3, 0.1, 0.35, np.nan],
            "s_acc": [-80.0, -66.0, -70.0, -1.1e6, -90.0, -70.0],
            "s_acc_rows": 50.0,
            "status": ["ok"] * 5 + ["failed"],
            "passes": [True, True, True, False, False, False],
            "rank": [1, 3, 2, np.nan, np.nan, np.nan],
        }
    )
    return table


SEARCH = {"final": 1, "threshold": -85.0}


def history(policies=("none", "3-1-7"), epochs=6, seeds=(0, 1)):
    rows = [
        {"policy": policy, "seed": seed, "epoch": epoch, "lr": 0.1 if epoch < 4 else 0.01,
         "train_loss": 2.0 - 0.1 * epoch, "train_accuracy_pct": 50.0 + epoch + 2 * seed,
         "test_loss": 2.0, "test_accuracy_pct": 40.0}
        for policy in policies
        for seed in seeds
        for epoch in range(epochs)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def pictures(images, channels=3):
    shape = (len(images), channels, 8, 8)
    return {
        "images": np.array(images),
        "originals": np.full(shape, 10, np.uint8),
        "victims": np.full(shape, 100, np.uint8),
        "reconstructions": np.full(shape, 200, np.uint8),
    }


def experiment_images(policies=("crop-flip", "3-1-7"), images=6, seeds=(0, 1), gain=1.0, **columns):
    """Return rows of images.csv whose gain is ``gain`` + image / 10, + 0.2 for seed 1."""
    rng = np.random.default_rng(1)
    rows = []
    for policy in policies:
        for seed in seeds:
            for image in range(images):
                value = gain + image / 10 + 0.2 * seed
                row = SUBJECT | {
                    "policy": policy, "recipe": "full", "attack": "inversed", "defence": "none",
                    "seed": seed, "image": image, "label": image % 2, "batch": 1, "status": "ok",
                    "floor_random_db": 8.0, "floor_mean_db": 10.0, "floor_black_db": 9.0,
                    "floor_db": 10.0, "psnr_db": 10 + value, "psnr_original_db": 9 + value,
                    "gain_db": value, "label_correct": int(image != 0),
                    "contrast": rng.random() / 2, "edge_density": rng.random(),
                    "victim_loss": rng.random(), "victim_confidence": rng.random(),
                    "gradient_norm": rng.random(),
                }  # fmt: skip
                rows.append(row | columns)
    return pd.DataFrame(rows)


def page(attacked_under="fixed"):
    return SUBJECT | {"attacked": attacked_under}


def correlated(policies=12, victims=("plain", "trained")):
    """Return rows of policy_scores: PSNR is 9 + 2 S_pri for plain victims, 9 - S_pri for others."""
    rows = []
    for victim in victims:
        for number in range(policies):
            score = 0.25 + 0.01 * number
            floor = 9.2 + 0.1 * (number % 3)
            psnr = 9 + (2 if victim == "plain" else -1) * score + 0.05 * (-1) ** number
            rows.append(
                SUBJECT | {
                    "victim": victim, "attack": "inversed", "seed": 0, "policy": str(number),
                    "psnr_db": psnr, "psnr_low_db": psnr - 0.4, "psnr_high_db": psnr + 0.6,
                    "gain_db": psnr - floor, "floor_db": floor,
                    "n_images": 20, "n_failed": 0, "s_pri": score, "s_pri_low": score - 0.01,
                    "s_pri_high": score + 0.02, "repeats": 3,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def search_scores():
    """Return scores of four random policies, a corner each, two of the best ten, and none."""
    rows = [
        ("5-5-5", -70.0, 0.4),
        ("6-6-6", -60.0, 0.5),
        ("3-15-5", -80.0, 0.2),
        ("8-8-8", -61.0, 0.3),
    ]
    rows += [("none", -65.0, 0.35)]
    return pd.DataFrame(
        [
            SUBJECT | {"seed": 0, "candidate": number, "policy": policy, "s_acc": s_acc,
                       "s_acc_rows": 50.0, "s_pri": s_pri, "status": "ok", "passes": True,
                       "rank": number + 1}
            for number, (policy, s_acc, s_pri) in enumerate(rows)
        ]
    )  # fmt: skip


def traces(path, images=(3, 5), points=11, names=("conv1.weight", "conv2.weight", "fc.weight")):
    """Write an archive whose cosine of tensor t at point i of the first image is i / 10 - t."""
    cosines = np.linspace(0, 1, points)[None, :, None] - np.arange(len(names))
    cosines = np.repeat(cosines, len(images), 0) + np.arange(len(images))[:, None, None] / 100
    np.savez(
        path,
        images=np.array(images),
        cosines=cosines.astype(np.float32),
        cosine_iterations=10 * np.arange(points),
        cosine_tensors=np.array(names),
    )
    return path


def defended():
    """Return an attack table by policy and defence."""
    rows = [("none", "none", "None", 76.0, 2.0, True),
            ("3-1-7", "none", "Searched 1 (3-1-7)", 70.0, -1.0, True),
            ("none", "prune-95", "None", 69.0, 0.5, False),
            ("none", "gaussian-1e-2", "None", np.nan, 0.5, False)]  # fmt: skip
    return pd.DataFrame(
        [
            SUBJECT | {"policy": policy, "defence": defence, "label": label, "n_images": 10,
                       "n_seeds": 2, "accuracy_clean_pct": accuracy, "pareto": pareto,
                       "accuracy_clean_low_pct": accuracy - 1,
                       "accuracy_clean_high_pct": accuracy + 2, "gain_mean_db": gain,
                       "gain_low_db": gain - 0.5, "gain_high_db": gain + 0.25}
            for policy, defence, label, accuracy, gain, pareto in rows
        ]
    )  # fmt: skip


def costs():
    """Return rows of cost_table."""
    rows = [("training", "full", "seconds_per_epoch", 6.0, "48.0", "36.0"),
            ("training", "full", "seconds_per_training", 1200.0, "not available", "not available"),
            ("search", "fixed", "seconds_per_candidate", 9.0, "not available", "60.0"),
            ("search", "drabent2022", "seconds_per_candidate", 7.0, "not available", "60.0"),
            ("attack", "inversed", "seconds_per_image_iteration", 0.005, "0.12",
             "0.075")]  # fmt: skip
    return pd.DataFrame(
        [
            {"dataset": "cifar100", "model": "resnet20-4", "stage": stage, "of": of,
             "quantity": quantity, "title": "", "value": value, "low": 0.9 * value,
             "high": 1.1 * value, "n": 4, "interval": "bca", "original": "not available",
             "drabent2022": drabent, "warmerdam2022": warmerdam}
            for stage, of, quantity, value, drabent, warmerdam in rows
        ]
    )  # fmt: skip
