"""The jobs of the study unir on made-up images: training, reconstruction, samples."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from reveil import datasets, models
from reveil.config import read_yaml, training_recipe
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models.weights import save_weights
from reveil.stages import sampling
from reveil.stages.measuring import Measuring, evenly, image_view
from reveil.stages.reconstructing import reconstruct_block
from reveil.stages.reconstruction_training import generator_summary, train_generator
from reveil.stages.sampling import draw_samples
from reveil.stages.summaries import history_table
from reveil.stages.work import Work
from reveil.unir import weights
from reveil.unir.history import LOSSES
from reveil.unir.judging import COLUMNS
from reveil.unir.operators import settings
from reveil.unir.tables.scores import COLUMNS as SCORES
from tests.hidden import pixels
from tests.training import RECIPE as CLASSIFIER
from tests.unir_tables import MODELS, NAMES, operators

TRAIN, TEST = 60, 24
NAMED = {
    **dict.fromkeys(("run", "protocol"), "made-up"),
    **{"study": "unir", "dataset": "cifar10", "model": "unet-w4", "defence": "none"},
    **{"policy": "remove-pixel-dark-50", "recipe": "unir", "seed": "3", "block": "00000-00003"},
}


@pytest.fixture(scope="module")
def recipe(root):
    config = read_yaml(root / "config.yaml")
    found = training_recipe(config, root, "unir", "cifar10", "unet-w4")
    own = found["reconstruction"] | {"steps": 2, "log_every": 1, "ema_images": 8}
    return found | {"batch_size": 4, "holdout": 20, "reconstruction": own}


@pytest.fixture
def place(tmp_path):
    """A prepared dataset of few images, and the files of operators."""
    for split, count in (("train", TRAIN), ("test", TEST)):
        (tmp_path / split).mkdir()
        np.save(tmp_path / split / "images.npy", pixels(count, seed=count, size=32))
        np.save(tmp_path / split / "labels.npy", np.arange(count, dtype=np.int64) % 10)
    for name in ("remove-pixel-dark-50", "convolve-noise", "pad-rotate-project"):
        content = settings.to_json(settings.from_values(name, operators()[name]))
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def files(place, policy="remove-pixel-dark-50"):
    return {
        "prepared": str(place / "train" / "images.npy"),
        "policy": str(place / f"{policy}.json"),
    }


def work(place, switches, **named):
    job = SimpleNamespace(
        device="cpu", state=lambda output, identity, interval: State(place / "state", identity)
    )
    return Work(job, {**NAMED, **named}, switches, str(place / "out"))


def trained(place, recipe, model="unet-w4", policy="remove-pixel-dark-50", **own):
    """Return the path of a network's weights, and what its job gave."""
    recipe = recipe | {"reconstruction": recipe["reconstruction"] | own}
    named = {"model": model, "policy": policy}
    done = train_generator(work(place, {"recipe": recipe}, **named), **files(place, policy))
    path = place / "weights.safetensors"
    made = done.trained
    weights.save(path, made.generator, made.discriminator, done.facts, made.averaged)
    return str(path), done


def block(place, recipe, attack="keep", path=None, block="00000-00003", **own):
    from reveil.config import read_yaml, resolve_reconstruction
    from tests.workflow import ROOT

    config = read_yaml(ROOT / "config.yaml")
    preset = vars(resolve_reconstruction(config, ROOT, attack)).copy()
    del preset["name"]
    rule = {"split": "test", "start": 2, "step": 1, "count": 8, "balanced": False}
    switches = {
        "recipe": recipe,
        "scene": {"images": rule},
        "test_corruption": "fixed",
        "reconstruction": preset | own,
    }
    named = {"attack": attack, "block": block}
    return reconstruct_block(work(place, switches, **named), weights=path, **files(place))


def test_a_training_leaves_the_columns_of_the_tables(place, recipe) -> None:
    _, done = trained(place, recipe)
    summary = generator_summary(done, NAMED).frame()
    assert list(summary.columns) == MODELS
    assert summary["n_train"].item() == TRAIN - 20
    assert summary["steps"].item() == 2
    assert summary["parameters_discriminator"].item() > 0
    history = history_table(done.trained, NAMED).frame()
    names = ["run", "dataset", "model", "policy", "recipe", "seed", "step", "epoch"]
    assert list(history.columns) == [*names, *LOSSES, "residual", "lr", "seconds"]
    assert history["step"].tolist() == [1, 2]
    assert np.isfinite(history["residual"]).all()  # of held-out measurements
    assert done.identity["policy_file"]["name"] == "remove-pixel-dark-50"


def test_regression_has_no_discriminator(place, recipe) -> None:
    path, done = trained(place, recipe, variant="regress")
    assert generator_summary(done, NAMED).frame()["parameters_discriminator"].isna().all()
    assert weights.load(path)[1] is None


def test_averaged_weights_are_kept_beside_the_last(place, recipe) -> None:
    path, done = trained(place, recipe, ema=0.5)
    kept = weights.load_averaged(path).state_dict()
    assert all(torch.equal(kept[k], v) for k, v in done.trained.averaged.state_dict().items())
    last = weights.load(path)[0].state_dict()
    assert all(torch.equal(last[k], v) for k, v in done.trained.generator.state_dict().items())
    assert any(not torch.equal(last[k], kept[k]) for k in kept)
    both = [block(place, recipe, "network", path, weights=which) for which in ("last", "averaged")]
    assert (both[0].rows.frame()["mse_pm1"] != both[1].rows.frame()["mse_pm1"]).all()


def test_without_an_average_there_is_none_to_load(place, recipe) -> None:
    path, _ = trained(place, recipe)
    with pytest.raises(ReveilError, match="nothing was averaged.*ema is above 0"):
        weights.load_averaged(path)


def test_a_block_has_a_row_an_image_and_its_pictures(place, recipe) -> None:
    path, _ = trained(place, recipe)
    done = block(place, recipe, "network", path)
    rows = done.rows.frame()
    assert list(rows) == [*NAMES, *COLUMNS]
    assert rows["image"].tolist() == [2, 3, 4, 5]
    assert (rows["status"] == "ok").all()
    found = done.arrays
    assert set(found) == {
        *("index", "clean", "measured", "reconstruction", "mask", "consistent", "remeasured"),
    }
    images = np.load(place / "test" / "images.npy")[2:6]
    assert np.array_equal(found["clean"], images)
    seen = np.broadcast_to(found["mask"], images.shape)
    assert np.array_equal(found["consistent"][seen], images[seen])
    assert np.array_equal(found["consistent"][~seen], found["reconstruction"][~seen])
    assert (found["measured"][~seen] == 0).all()
    assert seen.mean() == 0.5


def test_a_measurement_does_not_depend_on_block_method_or_network(place, recipe) -> None:
    whole = block(place, recipe, "keep", block="00000-00007").arrays
    part = block(place, recipe, "mean-fill", block="00004-00005").arrays
    assert np.array_equal(whole["measured"][4:6], part["measured"])
    assert "remeasured" not in whole


def test_the_mean_image_is_of_training_measurements_alone(place, recipe) -> None:
    before = block(place, recipe, "mean-image")
    chosen = Measuring.open(work(place, {"recipe": recipe}), **files(place)).training()
    assert len(chosen) == TRAIN - 20
    images = np.load(place / "train" / "images.npy")
    others = np.setdiff1d(np.arange(TRAIN), chosen)
    images[others] = 0
    np.save(place / "train" / "images.npy", images)
    again = block(place, recipe, "mean-image")
    assert np.array_equal(before.arrays["reconstruction"], again.arrays["reconstruction"])
    images[chosen] = 0
    np.save(place / "train" / "images.npy", images)
    dark = block(place, recipe, "mean-image")
    assert (dark.arrays["reconstruction"] == 0).all()


@pytest.fixture
def classifier(place):
    path = place / "classifier.safetensors"
    model = models.build("convnet-w4", 3, 32, 10, seed=0)
    facts = {"model": "convnet-w4", "channels": 3, "size": 32, "classes": 10}
    save_weights(path, model, facts)
    return str(path)


def drawn(place, recipe, classifier, policy="remove-pixel-dark-50", samples=70):
    path, _ = trained(place, recipe, "dcgan-w4", policy, variant="ambientgan")
    switches = {"recipe": recipe, "samples": samples, "classifier": CLASSIFIER}
    named = {"model": "dcgan-w4", "policy": policy}
    return draw_samples(
        work(place, switches, **named),
        weights=path,
        classifier=classifier,
        **files(place, policy),
    )


def test_samples_leave_one_row_of_scores(place, recipe, classifier) -> None:
    done = drawn(place, recipe, classifier)
    assert list(done.scores.columns) == [*NAMES[:8], *SCORES]
    row = done.scores.iloc[0]
    assert 1 <= row["inception_score"] <= 10
    assert np.isnan(row["inception_score_low"])  # of too few samples
    assert row["frechet_classifier_images"] > 0
    assert row["frechet_inception_images"] == "not available"
    assert (row["n_samples"], row["feature_network"]) == (70, "convnet-w4")
    assert done.arrays["samples"].shape == (64, 3, 32, 32)
    assert len(done.arrays["real"]) == TEST
    assert np.array_equal(done.arrays["real"], np.load(place / "test" / "images.npy"))


def test_projections_have_no_features(place, recipe, classifier) -> None:
    row = drawn(place, recipe, classifier, "pad-rotate-project").scores.iloc[0]
    assert row["frechet_classifier_measurements"] == "not available"
    assert row["frechet_classifier_images"] > 0


def test_samples_cannot_be_drawn_from_a_network_that_reconstructs(place, recipe, classifier):
    path, _ = trained(place, recipe)
    switches = {"recipe": recipe, "samples": 70, "classifier": CLASSIFIER}
    with pytest.raises(ReveilError, match="unet-w4 takes measurements"):
        draw_samples(work(place, switches), weights=path, classifier=classifier, **files(place))


@pytest.mark.parametrize(("total", "count", "first"), [(10, 20, range(10)), (9, 3, (0, 4, 8))])
def test_numbers_are_evenly_spaced(total, count, first) -> None:
    assert evenly(total, count).tolist() == list(first)


def test_digits_of_their_own_size_are_scored_as_the_classifier_sees_test_images(
    root, tmp_path
) -> None:
    """The published recipe makes 28 x 28, the classifier sees them padded by black to 32 x 32."""
    config = read_yaml(root / "config.yaml")
    told = ("fashion-mnist", "ambient-mnist")
    published = training_recipe(config, root, "ambientgan-bora2018", *told)
    judging = training_recipe(config, root, "full", "fashion-mnist", "convnet-w4")
    dataset = datasets.get("fashion-mnist")
    small = image_view(dataset, published).shape
    assert small == (1, 28, 28)
    path = tmp_path / "classifier.safetensors"
    facts = {"model": "convnet-w4", "channels": 1, "size": 32, "classes": 10}
    save_weights(path, models.build("convnet-w4", 1, 32, 10, seed=0), facts)

    def scored(images, shape):
        measuring = SimpleNamespace(dataset=dataset, operator=SimpleNamespace(shape=shape))
        work = SimpleNamespace(
            switches={"classifier": judging}, job=SimpleNamespace(device=torch.device("cpu"))
        )
        return sampling._classifier(work, measuring, str(path))[0](images)[1]

    images = torch.from_numpy(pixels(5, seed=1, size=28))[:, :1].float() / 127.5 - 1
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2), value=-1.0)
    assert torch.equal(scored(images, small), scored(padded, (1, 32, 32)))
    with pytest.raises(ReveilError, match="the generator makes"):
        scored(images[..., :24, :24], (1, 24, 24))
