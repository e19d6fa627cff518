"""What an attacker keeps in memory follows from the facts of the dataset, and has a bound."""

from reveil import datasets
from reveil.cvnn import keeping


def test_memory_follows_from_the_dataset_up_to_a_bound():
    # CIFAR-10: 50,000 x 1,024 places of 3 bytes, 64 bytes of features and 32 of what is recovered.
    assert keeping.attacker_mib(datasets.get("cifar10")) == -(-50_000 * 1024 * 99 // 2**20)
    # Faces: each of the three is more than 4 GiB.
    assert keeping.attacker_mib(datasets.get("celeba")) == 3 * 4096
