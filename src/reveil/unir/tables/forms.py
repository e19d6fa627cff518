"""Columns that several tables of this study show; how a column is made is that of cvnn's."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.forms import Column, interval, theirs, value, words
from reveil.tables.labels import dataset_title
from reveil.tables.markup import Form
from reveil.unir.labels import UNTRAINED
from reveil.unir.tables.labels import SOURCE_TITLES

__all__ = [
    "ALL",
    "CONSISTENT",
    "COUNTED",
    "INTERVALS",
    "METHOD",
    "MISSING",
    "OPERATOR",
    "PUBLISHED_MSE",
    "RESIDUAL",
    "SPREAD",
    "SUBJECT",
    "TRAINING",
    "Column",
    "difference",
    "form",
    "interval",
    "published",
    "value",
    "words",
]

SUBJECT = (
    words("Protocol", "protocol"),
    Column("Dataset", "dataset", lambda row: dataset_title(row["dataset"]), True),
    words("Network", "model"),
)
OPERATOR = words("Operator", "operator_label")
METHOD = words("Method", "method_label")
ALL = (
    interval("MSE, [-1, 1]", "mse_pm1", 4),
    interval("MSE, [0, 1]", "mse_01", 5),
    interval("PSNR, dB", "psnr", 2, unit="_db"),
    interval("SSIM", "ssim"),
)
SPREAD = (
    value("SD of PSNR over seeds, dB", "psnr_seed_std_db", 2),
    value("SD of MSE over seeds", "mse_pm1_seed_std", 4),
)
MISSING = (
    interval("MSE of missing values, [-1, 1]", "mse_pm1_missing", 4),
    interval("MSE of missing values, [0, 1]", "mse_01_missing", 5),
    interval("PSNR of missing values, dB", "psnr_missing", 2, unit="_db"),
)
CONSISTENT = (
    interval("MSE +dc, [-1, 1]", "mse_pm1_dc", 4),
    interval("MSE +dc, [0, 1]", "mse_01_dc", 5),
    interval("PSNR +dc, dB", "psnr_dc", 2, unit="_db"),
    interval("SSIM +dc", "ssim_dc"),
)
RESIDUAL = interval("Residual", "residual", None)
COUNTED = (
    value("Images", "n_images"),
    value("Seeds", "n_seeds"),
    value("Failed", "n_failed"),
    value("Missing, share", "missing_share_mean", 3),
)
TRAINING = (value("GAN steps", "steps"), value("Measurements learnt from", "n_train"))
# What every note on means of images says.
INTERVALS = (
    "Means over images, each averaged over seeds, with 95 % intervals; differences are paired, "
    "image by image under one seed. Nothing is clipped for MSE and PSNR; SSIM has an 11x11 "
    "Gaussian window and data range 2. +dc: observed values copied in, where the mask can be read "
    "off y. Residual: mean squared difference of y and the reconstruction measured again, on "
    "observed values. Methods without a network stand beside every network of their dataset."
)


def form(columns: tuple[Column, ...], note: str) -> Form:
    """Return the form of a table; failures of what stands beside several networks count once.

    Args:
        columns: What is shown, from the left.
        note: Sentences under the table.
    """
    made = forms.form(columns, note)

    def told(table: pd.DataFrame) -> str:
        if "n_failed" in table:
            keys = ["protocol", "dataset", "policy", "attack"]
            table = table[table["recipe"].ne(UNTRAINED) | ~table.duplicated([*keys, "recipe"])]
        return made.note(table)

    return Form(made.cells, told, made.text)


def difference(head: str, name: str) -> tuple[Column, ...]:
    """Return the columns of the differences to another method."""
    return (
        interval(f"MSE, difference to {head}", f"{name}_mse_pm1_difference", 4, sign="+"),
        interval(f"PSNR, difference to {head}, dB", f"{name}_psnr_difference", 2, unit="_db",
                 sign="+"),
    )  # fmt: skip


def published(head: str, name: str) -> Column:
    """Return a column of published numbers."""

    def cell(row: Mapping[str, Any]) -> str:
        return theirs(row[name])

    return Column(head, name, cell)


PUBLISHED_MSE = (
    published(f"{SOURCE_TITLES['original']}, MSE [-1, 1]", "original"),
    published(f"{SOURCE_TITLES['guo2020']}, MSE [-1, 1]", "guo2020"),
    published("Released code run by a third party, MSE [-1, 1]", "third_party"),
)
