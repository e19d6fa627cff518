"""What is known of a dataset before any of its files is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

SPLITS = ("train", "test")
FORMATS = ("idx", "cifar10", "cifar100", "tiny-imagenet", "birds", "faces", "folder", "plug-in")

LABELS = "labels.npy"
# Beside the labels, where these are groups of classes: the classes.
FINE = "fine.npy"
# Beside the labels of faces: what is true of each, and who it is.
ATTRIBUTES = "attributes.npy"
IDENTITY = "identity.npy"

# Pixels of zeros that Gao et al. (2021), as many before them, add on each side before a crop.
PADDING = 4


@dataclass(frozen=True)
class Folder:
    """Where the images of a folder of one's own are, and which of them are for testing.

    Attributes:
        path: absolute.
        test: a share of the images between 0 and 1; how the names of test images may start; or
            ``folder`` where the parts lie in ``train/`` and ``test/``.
        content: digest of the names and sizes of the images.
        classes: names of the subfolders whose images are of classes 0, 1, ...; none where images
            have no labels, and all are of class 0.
    """

    path: str
    test: float | str | tuple[str, ...]
    content: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset before any of its files is read.

    Attributes:
        name: value used in config and paths.
        title: name for people.
        family: dataset whose published policies and constants hold for this one.
        format: layout of the archives, one of ``FORMATS``.
        channels, size, classes: prepared images are (channels, size, size), labels 0..classes-1.
        counts: images per split.
        mean, std: per channel, on the [0, 1] scale.
        archives: file names; for ``idx`` training images, training labels, test images and
            test labels, in this order; for ``faces`` images, attributes, identities and partition;
            none for ``folder`` and ``plug-in``.
        contents: SHA-256 of what an archive holds once decompressed, where it is known.
        synthetic: whether :mod:`reveil.synthetic` made its images up, so that its numbers say
            nothing about the dataset whose layout it has.
        shares: dataset under whose name the archives are registered and kept, where several are
            made of the same; empty for the dataset itself.
        twin: dataset whose prepared arrays are this one's, too, so that they are there once; empty
            for one with arrays of its own.
        extras: further arrays of a split, file name -> (dtype, width); a width of 0 means one
            value an image, (N,), any other (N, width).
        hidden: columns of ``attributes.npy`` that are not in the task.
        geometry: how a picture becomes a square of ``size``, see :mod:`reveil.readers.pictures`;
            ``exact`` where the archives hold such squares.
        box: left, top, right and bottom of the part of a picture that is used, in its pixels, right
            and bottom exclusive; empty where all of it is.
        crop: size of the squares that a network sees, cut out of the prepared ones: anywhere for
            training, the centre for evaluation; 0 where it sees all of them.
        padding: pixels of zeros on each side before a random crop.
        by_hand: address of the page from which a person has to fetch the archives; empty where
            a program can.
        split_digit: of faces, the position of the digit of a file's name, from 0, that puts it
            among the test images where it is 8 or 9; None for the official split.
        folder: of a folder of images, where it is and how it is divided.
    """

    name: str
    title: str
    family: str
    format: str
    channels: int
    size: int
    classes: int
    counts: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    archives: tuple[str, ...]
    contents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    synthetic: bool = False
    shares: str = ""
    twin: str = ""
    extras: Mapping[str, tuple[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    hidden: tuple[int, ...] = ()
    geometry: str = "exact"
    box: tuple[int, ...] = ()
    crop: int = 0
    padding: int = PADDING
    by_hand: str = ""
    split_digit: int | None = None
    folder: Folder | None = None

    @property
    def home(self) -> str:
        """Name under which the archives are registered and kept."""
        return self.shares or self.name

    @property
    def input_size(self) -> int:
        """Height and width of what a network sees, in pixels, where its view does not change it."""
        return self.crop or self.size

    @property
    def arrays(self) -> dict[str, tuple[str, int]]:
        """All arrays of a split but the images: file name -> (dtype, width)."""
        return {LABELS: ("int64", 0), **self.extras}
