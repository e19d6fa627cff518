"""Made-up rows of images.csv, models.csv and the published numbers, for the tests of the tables."""

import numpy as np
import pandas as pd

JUDGE = {"accuracy_on": "both", "std_ddof": 1, "baseline": "none"}
FLOORS = ("floor_db", "floor_random_db", "floor_mean_db", "floor_black_db")


def attack_rows(policy, psnr, *, seed=0, floor=8.0, dataset="cifar100", model="resnet20-4"):
    """Return the tidy rows of one policy and seed, one image a PSNR."""
    table = pd.DataFrame({"image": range(len(psnr)), "psnr_db": np.asarray(psnr, dtype=float)})
    table = table.assign(
        protocol="fixed", dataset=dataset, model=model, policy=policy, recipe="full", seed=seed,
        attack="inversed", defence="none", ssim=0.5, status="ok",
        psnr_original_db=table["psnr_db"] - 1, psnr_content_db=table["psnr_db"] + 1,
    )  # fmt: skip
    table[list(FLOORS)] = [floor, floor - 1, floor, floor - 2]
    return table.assign(gain_db=table["psnr_db"] - floor)


def model_rows(*policies, seeds=(0,), clean=75.0, dataset="cifar100", model="resnet20-4"):
    """Return one row per policy and seed, 1,000 test images behind each."""
    return pd.DataFrame(
        [
            {
                "dataset": dataset, "model": model, "policy": policy, "recipe": "full",
                "seed": seed, "accuracy_clean_pct": clean + seed,
                "accuracy_transformed_pct": clean - 5, "n_test": 1000,
            }
            for policy in policies
            for seed in seeds
        ]
    )  # fmt: skip


def published_rows(*rows):
    """Return published numbers of the default attack, without defence."""
    columns = ["experiment", "source", "dataset", "model", "policy", "metric", "value"]
    return pd.DataFrame(rows, columns=columns).assign(attack="inversed", defence="none")
