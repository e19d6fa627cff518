"""Made-up rows and pictures of the three studies, in the folders in which a run leaves them."""

from pathlib import Path

import numpy as np
import pandas as pd

from reveil import files, rows

IMAGES = (3, 8, 11, 14)
SIZE = 8
ITERATIONS = np.arange(0, 250, 5)


def pictures(count, seed, channels=1, size=SIZE):
    """Return (count, channels, size, size) uint8 of noise."""
    shape = (count, channels, size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def place(folder, study, row, block="00000-00003"):
    """Return where the pictures of a row lie."""
    names = [row[name] for name in ("protocol", "dataset", "model", "policy", "recipe")]
    parts = [study, "attacks", *names, f"seed{row['seed']}", row["attack"], row["defence"]]
    return Path(folder, *map(str, parts), f"{block}.npz")


class Run:
    """A run below a folder; ``studies`` is what :func:`reveil.gallery.write` takes."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.tables: dict[str, list[pd.DataFrame]] = {}
        self.arrays: dict[str, list[str]] = {}

    def add(self, study, table, arrays):
        """Add the rows and pictures of one attack."""
        path = place(self.folder, study, table.iloc[0])
        files.write_npz(path, arrays)
        self.tables.setdefault(study, []).append(table)
        self.arrays.setdefault(study, []).append(str(path))

    def table(self, study):
        return pd.concat(self.tables[study], ignore_index=True)

    def studies(self, positions=(0, 1)):
        found = []
        for study, arrays in self.arrays.items():
            path = str(self.folder / study / "tables" / "images.csv")
            rows.write(path, self.table(study))
            found.append({"study": study, "table": path, "arrays": arrays,
                          "positions": list(positions)})  # fmt: skip
        return found

    def ats(
        self, policy="none", gains=(1.5, -2.0, 12.25, 0.5), *, number=0, images=IMAGES, **named
    ):
        """Add an attack on gradients: PSNR is the gain above a floor of 10 dB and more."""
        gains = np.asarray(gains, dtype=float)
        floors = 10 + np.arange(len(gains)) / 8
        table = self._rows("ats", policy, images, named, psnr_db=floors + gains, floor_db=floors,
                           gain_db=gains, ssim=np.tanh(gains / 20))  # fmt: skip
        count = len(images)
        costs = np.exp(-np.arange(len(ITERATIONS)) / 9)[None] * np.linspace(1, 2, count)[:, None]
        arrays = {
            "images": np.array(images), "originals": pictures(count, 1),
            "victims": pictures(count, 100 + number),
            "reconstructions": pictures(count, 200 + number),
            "curve": costs.astype(np.float32), "curve_iterations": ITERATIONS,
        }  # fmt: skip
        self.add("ats", table, arrays)
        return arrays

    def cvnn(
        self, policy="rotation", errors=(0.05, 0.2, 0.1, 0.31), *, mixed=True, number=0, **named
    ):
        """Add an attack on features, whose blend errs by 0.18 and mean colour by 0.3."""
        named = {"protocol": "fixed-cvnn", "model": "resnet20-alpha-w8", "recipe": "cvnn",
                 "attack": "inversion1", **named}  # fmt: skip
        errors = np.asarray(errors, dtype=float)
        table = self._rows("cvnn", policy, IMAGES, named, rmse=errors, rmse_mean_colour=0.3,
                           rmse_blend=0.18 if mixed else np.nan, psnr_db=-20 * np.log10(errors),
                           ssim=1 - errors)  # fmt: skip
        arrays = {"index": np.array(IMAGES), "original": pictures(4, 2),
                  "guess": pictures(4, 300 + number)}  # fmt: skip
        arrays |= {"partner": pictures(4, 3)} if mixed else {}
        self.add("cvnn", table, arrays)
        return arrays

    def unir(self, recipe="unir", psnr=(20.0, 21.0, 12.5, 9.0), *, number=0, **named):
        """Add a reconstruction; ``none`` is the recipe of methods that train nothing."""
        model = "none" if recipe == "none" else "unet"
        named = {"protocol": "fixed-unir", "model": model, "recipe": recipe, "attack": "network",
                 **named}  # fmt: skip
        psnr = np.asarray(psnr, dtype=float)
        policy = named.pop("policy", "remove-pixel-dark-50")
        table = self._rows("unir", policy, IMAGES, named,
                           psnr_db=psnr, mse_pm1=4 * 10 ** (-psnr / 10),
                           ssim=psnr / 40)  # fmt: skip
        arrays = {"index": np.array(IMAGES), "clean": pictures(4, 4), "measured": pictures(4, 5),
                  "reconstruction": pictures(4, 400 + number)}  # fmt: skip
        self.add("unir", table, arrays)
        return arrays

    def _rows(self, study, policy, images, named, **measures):
        settings = {"protocol": "fixed", "dataset": "fashion-mnist", "model": "lenetzhu",
                    "recipe": "full", "seed": 0, "attack": "inversed", "defence": "none",
                    "status": "ok", "reason": ""} | named  # fmt: skip
        table = pd.DataFrame({"image": images, "label": np.asarray(images) % 10, **measures})
        return table.assign(run="made-up", study=study, policy=policy, **settings)


def every_study(folder, seeds=(0, 1)):
    """Return a run of all studies: 2 x 3 cells of ats, 2 of cvnn and 3 of unir, with a failure."""
    run = Run(folder)
    number = 0
    for seed in seeds:
        for model in ("lenetzhu", "convnet"):
            for policy in ("none", "3-1-7", f"found-fixed-s{seed}-1"):
                gains = np.array([1.5, -2.0, 12.25, 0.5]) - number
                run.ats(policy, gains, number=number, model=model, seed=seed)
                number += 1
        run.cvnn("none", (0.02, 0.03, 0.04, 0.05), mixed=False, number=number, seed=seed)
        run.cvnn("rotation", number=number + 1, seed=seed)
        run.unir("unir", number=number, seed=seed)
        run.unir("none", (10.0, 10.5, 9.5, 9.0), attack="keep", number=number + 1, seed=seed)
        run.unir("none", (13.0, 12.0, 9.0, 14.0), attack="mean-fill", number=number + 2, seed=seed)
        number += 3
    failed, measures = run.tables["ats"][1], ("psnr_db", "gain_db", "ssim")
    run.tables["ats"][1] = failed.assign(
        status=["ok", "ok", "ok", "failed"], reason=["", "", "", "not finite </script><b>"],
        **{name: failed[name].where([True, True, True, False]) for name in measures},
    )  # fmt: skip
    return run
