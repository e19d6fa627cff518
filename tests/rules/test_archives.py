"""Data that is not at hand: small archives of the official layout, fetched from 127.0.0.1."""

import numpy as np

from reveil.datasets import DATASETS, load_split
from tests.archives import served
from tests.workflow import Clone

SYNTHETIC = {name: dataset for name, dataset in DATASETS.items() if dataset.synthetic}


def test_synthetic_datasets_are_fetched_from_this_machine_and_unpacked(fresh: Clone) -> None:
    # A dataset with a twin is read from that one's arrays.
    own = {name: dataset for name, dataset in SYNTHETIC.items() if not dataset.twin}
    assert {dataset.twin for dataset in SYNTHETIC.values()} - {""} <= set(own)
    wanted = [f"resources/datasets/{name}/train/images.npy" for name in own]
    with served(fresh) as (clone, server):
        clone.run(*wanted)
        assert clone.plan(*wanted) == {}
    asked = [path for path, _ in server.requests]
    archives = {(dataset.home, name) for dataset in SYNTHETIC.values() for name in dataset.archives}
    # Once each, although several datasets are made of some of them.
    assert sorted(asked) == sorted(f"/{name}" for _, name in archives)
    for home, archive in archives:
        said = (fresh.path / f"logs/fetch_dataset/{home}/{archive}.log").read_text()
        assert f"{archive} from {server.url}/{archive}, verified" in said
    for name, dataset in own.items():
        for split, count in dataset.counts.items():
            folder = fresh.path / "resources/datasets" / name / split
            images, _ = load_split(folder / "images.npy", folder / "labels.npy")
            assert images.shape == (count, 3, dataset.size, dataset.size)
            for file, (dtype, width) in dataset.extras.items():
                array = np.load(folder / file, allow_pickle=False)
                assert (array.dtype, array.shape) == (dtype, (count, width) if width else (count,))
