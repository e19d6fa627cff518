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


def prepared(wildcards):
    """Return all arrays of a dataset; those of its twin, where it has one, are its own, too."""
    dataset = DATASETS[wildcards.dataset]
    name = dataset.twin or dataset.name
    return [file.format(dataset=name) for file in unpacked(*dataset.extras)]
