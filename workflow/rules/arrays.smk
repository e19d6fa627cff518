# Which arrays a dataset is unpacked into.


def unpacked(*files):
    """Return the arrays of both splits; these of them beside images and labels."""
    return [
        f"resources/datasets/{{dataset}}/{split}/{what}"
        for split in ("train", "test")
        for what in ("images.npy", "labels.npy", *files)
    ]


def with_arrays(*files):
    """Return a pattern of the datasets whose splits get exactly these arrays besides."""
    return "|".join(
        name
        for name, dataset in DATASETS.items()
        if set(dataset.extras) == {*files} and not dataset.twin
    )


def prepared(name):
    """Return all arrays of a dataset, for rules that want more than images and labels."""
    return [file.format(dataset=name) for file in unpacked(*DATASETS[name].extras)]
