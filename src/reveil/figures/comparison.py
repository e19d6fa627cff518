"""Images in rows: untouched and reconstructed, then under each policy and reconstructed."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reveil.errors import ReveilError
from reveil.figures.grid import Pictures, data, original, pair, show, write_note
from reveil.figures.style import GREY, counted, set_title, styled


@styled
def draw(
    images: pd.DataFrame,
    pictures: Mapping[str, Pictures],
    chosen: Sequence[int],
    labels: Mapping[str, str],
    theirs: Mapping[tuple[str, int], float] | None = None,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw one row an image, and two columns a policy: what was used, and the reconstruction.

    Under each reconstruction stand its PSNR and the best floor, in bold colour where the attack
    beats it. (Drabent et al. 2022, Figure 3.) Where no victim used the untouched image, as with
    crop and flip for every policy, it has a column of its own.

    Args:
        images: Attacked images of one protocol, dataset, model and seed, with the column ``row``.
        pictures: Per row, a policy and attack, the arrays of :func:`reveil.figures.grid`.
        chosen: Numbers of the images to show.
        labels: Of the rows, in the order of the columns.
        theirs: PSNR of Drabent et al. 2022 by policy and number of the image, in dB, written below
            that of the attack inversed.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: no image chosen, or one that no policy has pictures of.
    """
    if not len(chosen):
        raise ReveilError("images: none was chosen for the comparison")
    notes = data(images, chosen, dataset=dataset, model=model, labels=labels)
    bare = not any((pictures[row]["victims"] == pictures[row]["originals"]).all() for row in labels)
    theirs = _places(images, theirs or {})
    columns = bare + 2 * len(labels)
    size = max(3.8, 1.1 * columns) / columns
    height = size + (0.24 if theirs else 0.12)
    figure = Figure(figsize=(size * columns + 0.2, 0.75 + height * len(chosen)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(len(chosen), columns, squeeze=False)
    for row, image in zip(grid, chosen, strict=True):
        if bare:
            _picture(row[0], original(pictures, image))
        pairs = row[bare:].reshape(-1, 2)
        for (used, guess), name in zip(pairs, labels, strict=True):
            note = notes[(notes["row"] == name) & (notes["image"] == image)].iloc[0]
            for axes, picture in zip((used, guess), pair(pictures[name], image), strict=True):
                _picture(axes, picture)
            write_note(guess, note, 0.5)
            if (name, image) in theirs:
                told = f"Drabent et al.: {theirs[name, image]:.1f} dB"
                guess.text(0.5, 1.17, told, ha="center", va="top", fontsize=6, color=GREY)
    if bare:
        _head(grid[0, 0], "Original\n")
    for (used, guess), label in zip(grid[0, bare:].reshape(-1, 2), labels.values(), strict=True):
        _head(used, f"{label.replace(' (', chr(10) + '(')}")
        _head(guess, "reconstruction\n")
    seed = ", ".join(str(seed) for seed in sorted(images["seed"].unique()))
    set_title(
        figure,
        "What victims used, and what the attack made of it",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(len(chosen), 'image')}, seed {seed}",
    )
    return figure


def _places(
    images: pd.DataFrame, theirs: Mapping[tuple[str, int], float]
) -> dict[tuple[str, int], float]:
    """Return the published PSNR by the row and number of the pictures that they are of."""
    rows = images[images["attack"] == "inversed"].drop_duplicates(["row", "image"])[
        ["row", "policy", "image"]
    ]
    return {
        (row, int(image)): theirs[policy, int(image)]
        for row, policy, image in rows.itertuples(index=False)
        if (policy, int(image)) in theirs
    }


def _picture(axes: Axes, picture: object) -> None:
    show(axes, [picture], left=0.0)
    axes.set_xlim(-0.04, 1.04)


def _head(axes: Axes, text: str) -> None:
    text = text if "\n" in text else f"{text}\n"
    axes.set_title(text, fontsize=7, fontweight="normal", loc="center", pad=2)
