# Which arrays a dataset is unpacked into, and how jobs know of folders of images and plug-ins.

import os

from reveil import datasets

# A job imports the package, not the configuration; on a cluster it comes by here first.
os.environ.update(datasets.environment() | plugins.environment())


def unpacked(*files):
    """Return the arrays of both splits; these of them beside images and labels."""
    return [
        f"resources/datasets/{{dataset}}/{split}/{what}"
        for split in ("train", "test")
        for what in ("images.npy", "labels.npy", *files)
    ]


def with_arrays(*files):
    """Return a pattern of the datasets of archives whose splits get exactly these arrays besides."""
    return one_of(
        name
        for name, dataset in DATASETS.items()
        if dataset.archives and set(dataset.extras) == {*files} and not dataset.twin
    )


def one_of(names):
    """Return a pattern of these names, which nothing matches where there are none."""
    return "|".join(names) or "(?!)"


@cache
def arrays_of(name):
    """Return the array that stands for all of a dataset; its twin's, where it has one."""
    return [unpacked()[0].format(dataset=DATASETS[name].twin or name)]


def prepared(wildcards):
    """Return one of the arrays of a dataset: what makes it makes all of them.

    Up to eight files a job would be most of those that planning has to look up.
    """
    return arrays_of(wildcards.dataset)
