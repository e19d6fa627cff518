"""What has to stand under a table or figure where a column of images.csv is empty."""

import pandas as pd

from reveil import datasets
from reveil.models import names

LPIPS_ABSENT = "LPIPS: weights not at hand."
LPIPS_PRESENT = "LPIPS: AlexNet with the linear heads of Zhang et al. 2018."


def lpips_note(images: pd.DataFrame) -> str:
    """Return the sentence about LPIPS: whose weights, or that there were none.

    Args:
        images: rows of images.csv; of older runs also without the column ``lpips``.
    """
    measured = "lpips" in images and bool(images["lpips"].notna().any())
    return LPIPS_PRESENT if measured else LPIPS_ABSENT


def synthetic_note(table: pd.DataFrame) -> str:
    """Return the sentence that names made-up datasets of a table; empty where there is none.

    Args:
        table: any table with a column ``dataset``.
    """
    # What a row says of no one dataset, as the cost of a job, has an empty one.
    found = [datasets.get(name) for name in dict.fromkeys(table.get("dataset", ())) if name]
    titles = [dataset.title for dataset in found if dataset.synthetic]
    if not titles:
        return ""
    return f"Synthetic: {', '.join(titles)}; these numbers say nothing about the real dataset."


def batch_norm_note(table: pd.DataFrame) -> str:
    """Return the sentence that names networks on which batch statistics can change nothing.

    Args:
        table: any table with a column ``model``.
    """
    found = [name for name in dict.fromkeys(table["model"]) if not names.has_batch_norm(name)]
    if not found:
        return ""
    return (
        f"No batch norm in {', '.join(found)}: the victim's batch statistics, and what an attack "
        "makes of them, change nothing there."
    )
