"""Data that is not at hand: small archives of the official layout, fetched from 127.0.0.1."""

from reveil.datasets import DATASETS, load_split
from tests.archives import served
from tests.workflow import Clone

NAMES = [name for name, dataset in DATASETS.items() if dataset.synthetic]


def test_synthetic_datasets_are_fetched_from_this_machine_and_unpacked(fresh: Clone) -> None:
    with served(fresh) as (clone, server):
        clone.run(*(f"resources/datasets/{name}/train/images.npy" for name in NAMES))
    asked = sorted(path for path, _ in server.requests)
    assert asked == sorted(f"/{DATASETS[name].archives[0]}" for name in NAMES)
    for name in NAMES:
        dataset = DATASETS[name]
        (archive,) = dataset.archives
        said = (fresh.path / f"logs/fetch_dataset/{name}/{archive}.log").read_text()
        assert f"{archive} from {server.url}/{archive}, verified" in said
        for split, count in dataset.counts.items():
            folder = fresh.path / "resources/datasets" / name / split
            images, _ = load_split(folder / "images.npy", folder / "labels.npy")
            assert images.shape == (count, 3, dataset.size, dataset.size)
