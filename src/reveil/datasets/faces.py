"""CelebA, whole and as the papers on reconstruction cut it out.

Pajot et al. (2019) and Bora et al. (2018) keep the centre 108 x 108 of the 178 x 218 pixels; others
who repeated them keep more. All make 64 x 64 of it, by Pillow's bilinear resampling.
"""

from dataclasses import replace
from types import MappingProxyType

from reveil.datasets.facts import ATTRIBUTES, IDENTITY, Dataset
from reveil.datasets.labels import CELEBA_ATTRIBUTES, CELEBA_HIDDEN

# To [-1, 1], as the authors' released code of Xiang et al. (2020) brings CelebA.
SYMMETRIC_STATISTICS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

CELEBA = Dataset(
    name="celeba",
    title="CelebA",
    family="celeba",
    format="faces",
    channels=3,
    size=224,
    classes=2,
    counts=MappingProxyType({"train": 162_770, "test": 39_829}),
    mean=SYMMETRIC_STATISTICS[0],
    std=SYMMETRIC_STATISTICS[1],
    archives=(
        "img_align_celeba.zip",
        "list_attr_celeba.txt",
        "identity_CelebA.txt",
        "list_eval_partition.txt",
    ),
    extras=MappingProxyType({ATTRIBUTES: ("bool", len(CELEBA_ATTRIBUTES)), IDENTITY: ("int64", 0)}),
    geometry="stretch",
    padding=0,
    by_hand="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
)

SMALL = 64
# Rows from 55 and columns from 35: the released code of Pajot et al. (2019) and Bora et al. (2018).
CENTRE_108 = (35, 55, 143, 163)
# Name, title, geometry, box, and the digit of a file's name that splits.
_CUTS: tuple[tuple[str, str, str, tuple[int, ...], int | None], ...] = (
    ("celeba-64", "CelebA 64", "stretch", CENTRE_108, None),
    # Shorter side to 64, then the centre: Guo et al. (2020).
    ("celeba-64-guo2020", "CelebA 64, shorter side", "cover", (), None),
    # A student's code for Pajot et al. (2019).
    ("celeba-64-wide", "CelebA 64, wide", "stretch", (15, 15, 175, 175), None),
    # The later code of Pajot et al., for inpainting.
    ("celeba-64-128", "CelebA 64, centre 128", "stretch", (25, 45, 153, 173), None),
    # Split as in the released code of Pajot et al. (2019), where a person may be on both sides.
    ("celeba-64-filename", "CelebA 64, split by file name", "stretch", CENTRE_108, 1),
)
_BY_NAME_COUNTS = MappingProxyType({"train": 162_599, "test": 40_000})

# Synthetic pictures have a quarter of the size, and only the last three digits of their names vary.
QUARTER = 4
SYNTHETIC_DIGIT = 4
_SYNTHETIC_BY_NAME_COUNTS = MappingProxyType({"train": 560, "test": 140})


def hiding(dataset: Dataset, name: str, title: str) -> Dataset:
    """Return a dataset of the same arrays with a task of fewer attributes."""
    return replace(
        dataset,
        name=name,
        title=title,
        shares=dataset.home,
        twin=dataset.name,
        hidden=tuple(CELEBA_ATTRIBUTES.index(attribute) for attribute in CELEBA_HIDDEN),
    )


def small_faces(celeba: Dataset) -> tuple[Dataset, ...]:
    """Return the datasets of 64 x 64 pixels that are made of the archives of CelebA."""
    return tuple(
        replace(
            celeba,
            name=name,
            title=title,
            shares=celeba.home,
            size=SMALL,
            geometry=geometry,
            box=box,
            split_digit=digit,
            counts=celeba.counts if digit is None else _BY_NAME_COUNTS,
        )
        for name, title, geometry, box, digit in _CUTS
    )


def synthetic_small_faces(synthetic: Dataset) -> tuple[Dataset, ...]:
    """Return what stands in for :func:`small_faces`, made of the synthetic archives of CelebA."""
    return tuple(
        replace(
            real,
            name=f"{real.name}-synthetic",
            title=f"{real.title} layout (synthetic)",
            box=tuple(round(edge / QUARTER) for edge in real.box),
            split_digit=None if real.split_digit is None else SYNTHETIC_DIGIT,
            counts=(synthetic.counts if real.split_digit is None else _SYNTHETIC_BY_NAME_COUNTS),
        )
        for real in small_faces(synthetic)
    )
