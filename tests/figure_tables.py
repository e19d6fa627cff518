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
        {**SUBJECT, "seed": seed, "candidate": index, "s_pri": 0.3 + 0.001 * index, "s_pri_n": 100,
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
