"""How much an attacker keeps of his own images in memory.

Used while the graph is planned, so it does not import torch.
"""

from reveil.datasets import Dataset

# Of one array in the memory of a CPU: larger ones lie in files, or are computed again.
KEPT_BYTES = 4 * 2**30
# Numbers that leave the device, for each pixel of the image: 16 maps of its size (ResNets by the
# report's cut), 256 of a quarter of its height and width (VGG-16); other networks send fewer.
FEATURES_PER_PIXEL = 16


def attacker_mib(dataset: Dataset) -> int:
    """Return the MiB of own images, of their features and of what is recovered, at most.

    As of an attacker whose images are the whole training split: pixels are bytes, features four,
    and what is recovered two for each number of the features.
    """
    places = dataset.counts["train"] * dataset.input_size**2
    features = 4 * FEATURES_PER_PIXEL * places
    sizes = dataset.channels * places, features, features // 2
    return -(-sum(min(size, KEPT_BYTES) for size in sizes) // 2**20)
