"""Inference attacks with classifiers, on features and images that are easy to tell apart."""

import math

import numpy as np
import pytest
import torch

from reveil.cvnn.attackers import classifiers, lessons
from reveil.cvnn.attackers.inference import Inference
from reveil.cvnn.attackers.interface import Guess, OwnData, make_attacker
from reveil.cvnn.attackers.neighbours import Neighbours
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import parts
from reveil.errors import ReveilError
from reveil.job import State
from tests.hidden import VIEW, Largest, Toy, attack, own_data

CLASSES = torch.arange(96) % 3


def colours(seed):
    """Images of three classes, uint8 (96, 3, 8, 8): class c has most of colour c."""
    draws = np.random.default_rng(seed)
    means = np.where(np.eye(3, dtype=bool), 170, 80)[CLASSES][:, :, None, None]
    return torch.from_numpy((means + draws.integers(-40, 41, (96, 3, 8, 8))).astype(np.uint8))


def own(network, targets=CLASSES, **more):
    return OwnData(
        network, VIEW, colours(1), CLASSES, attack="infer", seed=3, targets=targets, **more
    )


def infer(network, trained_on, inner=None, **keys):
    small = {"width": 8, "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 16}
    # Moved by up to four of eight pixels, little is left of an image.
    small |= {"patience": 3, "max_epochs": 9, "augment": False, **keys}
    preset = attack(method="infer", infer=trained_on, **small)
    return make_attacker(preset, network, name="infer", shape=(3, 8, 8), seed=0, inner=inner)


def hidden_test_images(network):
    with torch.no_grad():
        return Intercepted(network.encode(VIEW.normalise(colours(2), split="victim")), False)


class Inverts:
    """An attacker inside that solves the toy's encoder for the image; it counts what it is asked.

    Of rotated features it takes the real part for a, and any angle for the key.
    """

    def __init__(self, network):
        self.inverse = torch.linalg.pinv(network.encoder.weight.detach().flatten(1))
        self.asked = 0

    def guess(self, seen):
        a = parts(seen.x)[0] if seen.rotated else seen.x
        self.asked += len(seen)
        images = torch.einsum("if,bfhw->bihw", self.inverse, a) * 0.25 + 0.5
        return Guess(images=images, angles=torch.zeros(len(a)))


# The attacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("trained_on", ["features", "images", "reconstructions"])
def test_a_separable_property_is_inferred(trained_on):
    network = Toy(kind="original")
    attacker = infer(network, trained_on, Inverts(network), patience=8, max_epochs=14)
    history = attacker.fit(own(network))
    guess = attacker.guess(hidden_test_images(network))
    assert guess.labels.dtype == torch.int64 and guess.images is None
    assert (guess.labels == CLASSES).float().mean() > 0.9
    assert history[-1]["stopped"] and sum(row["best"] for row in history) == 1
    assert {row["part"] for row in history} == {"classifier"}


def test_unrotated_features_need_no_attack_inside():
    attacker = infer(Toy(kind="noisy"), "features", max_epochs=1)
    assert attacker.inner is None and isinstance(attacker, Inference)
    assert len(attacker.fit(own(attacker.known.network))) == 1


@pytest.mark.parametrize("trained_on", ["features", "reconstructions"])
def test_what_the_attack_inside_recovers_is_recovered_once(trained_on):
    network = Toy()
    inner = Inverts(network)
    history = infer(network, trained_on, inner, max_epochs=3).fit(own(network))
    # 96 images: 9 validate, and 87 in six batches of 14 leave out 3, fewer than batches.
    assert len(history) == 3 and inner.asked == 9 + 6 * 14


def test_images_to_learn_from_are_not_recovered():
    network = Toy()
    inner = Inverts(network)
    attacker = infer(network, "images", inner, max_epochs=1)
    attacker.fit(own(network))
    assert inner.asked == 0
    x = torch.randn(10, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert attacker.guess(Intercepted(x, True)).labels.shape == (5,)
    assert inner.asked == 5


def test_what_was_learned_is_all_that_is_needed():
    network = Toy(kind="original")
    first, again, loaded = (infer(network, "features", max_epochs=1) for _ in range(3))
    first.fit(own(network))
    again.fit(own(network))
    loaded.load(first.tensors())
    seen = hidden_test_images(network)
    assert torch.equal(first.guess(seen).labels, loaded.guess(seen).labels)
    for name, value in again.tensors().items():
        assert torch.equal(value, first.tensors()[name]), name
    some = first.guess(seen.take(torch.tensor([7, 3]))).labels
    assert torch.equal(some, first.guess(seen).labels[[7, 3]])


@pytest.mark.parametrize("changes", [{"kind": "noisy"}, {}], ids=["afresh", "once"])
def test_a_resumed_attack_equals_an_uninterrupted_one(tmp_path, changes):
    class StoppedError(Exception):
        pass

    class Stops(State):
        """A state whose job ends in the middle of the second epoch."""

        saved = 0

        def save(self, tensors, facts):
            super().save(tensors, facts)
            self.saved += 1
            if self.saved == 8:
                raise StoppedError

    network = Toy(**changes)
    whole, first, second = (
        infer(network, "features", Inverts(network), max_epochs=2) for _ in range(3)
    )
    rows = whole.fit(own(network))
    with pytest.raises(StoppedError):
        first.fit(own(network, state=Stops(tmp_path, {}, interval=0)))
    resumed = second.fit(own(network, state=State(tmp_path, {}, interval=0)))
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in resumed]
    for name, value in whole.tensors().items():
        assert torch.equal(value, second.tensors()[name]), name


def test_attributes_are_inferred_together():
    network = Toy(kind="original")
    # Red; not red; any: the last one is true of all.
    attributes = torch.stack([CLASSES == 0, CLASSES != 0, CLASSES >= 0], dim=1)
    attacker, loaded = (infer(network, "features", max_epochs=8) for _ in range(2))
    attacker.fit(own(network, attributes))
    loaded.load(attacker.tensors())
    guess = loaded.guess(hidden_test_images(network)).labels
    assert guess.dtype == torch.bool and guess.shape == (96, 3)
    assert (guess == attributes).float().mean() > 0.9


@pytest.mark.parametrize("trained_on", ["features", "images", "reconstructions"])
def test_images_and_reconstructions_alone_are_augmented(trained_on, monkeypatch):
    network = Toy()
    moved = []

    def stay(images, corners, mirrored, padding):
        moved.append((len(images), int(corners.max()), padding))
        return images

    monkeypatch.setattr(lessons, "crop_flip", stay)
    for augment in (False, True):
        infer(network, trained_on, Inverts(network), max_epochs=1, augment=augment).fit(
            own(network)
        )
    # Of 87 images five batches of 16; of 84 that were recovered once, too.
    assert [count for count, _, _ in moved] == ([] if trained_on == "features" else 5 * [16])
    assert all(padding == VIEW.crop_shift == 4 and corner <= 8 for _, corner, padding in moved)


def test_a_crop_by_hand():
    image = torch.tensor([[[[1, 2], [3, 4]]]]).expand(4, 1, 2, 2)
    corners = torch.tensor([[1, 1], [0, 1], [1, 2], [1, 1]])
    mirrored = torch.tensor([False, False, False, True])
    found = lessons.crop_flip(image, corners, mirrored, 1)[:, 0].tolist()
    assert found == [[[1, 2], [3, 4]], [[0, 0], [1, 2]], [[2, 0], [4, 0]], [[2, 1], [4, 3]]]


def test_an_augmentation_is_that_of_its_step():
    data, images = own(Toy()), colours(1).float()
    first, again, later = (lessons.augmented(images, data, 4, 2, step) for step in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, later)
    assert torch.equal(lessons.augmented(images, data, None, 2, 5), images)


def test_reconstructions_are_kept_as_own_images_are():
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(lessons.to_bytes(lessons.from_bytes(pixels)), pixels)
    assert lessons.to_bytes(torch.tensor([-0.2, 1.2, 0.4999 / 255])).tolist() == [0, 255, 0]
    network = Toy()
    kept = infer(network, "reconstructions", Inverts(network))._lessons(own(network))
    assert kept.training[0].dtype == kept.held[0].dtype == torch.uint8
    inputs, targets = next(kept.batches(0, 0))
    assert inputs.dtype == torch.float32 and 0 <= inputs.min() <= inputs.max() <= 1
    assert inputs.shape == (16, 3, 8, 8) and targets.shape == (16,)


@pytest.mark.parametrize("trained_on", ["features", "reconstructions"])
def test_what_does_not_fit_the_memory_lies_in_a_file(trained_on, tmp_path, monkeypatch):
    network = Toy()
    attackers = [infer(network, trained_on, Inverts(network), max_epochs=2) for _ in range(2)]
    attackers[0].fit(own(network))
    monkeypatch.setattr("reveil.cvnn.keeping.KEPT_BYTES", 1000)
    with Largest() as largest:
        attackers[1].fit(own(network, state=State(tmp_path / "state", {}, interval=1e6), chunk=8))
    for name, value in attackers[0].tensors().items():
        assert torch.equal(value, attackers[1].tensors()[name]), name
    # 87 images of 256 numbers in half precision, or of 192 bytes, at once; a batch of 16 in floats
    # of the classifier's 8 channels is 32 KiB, of the angles that hide it twice its features.
    assert largest.bytes < 87 * 8 * 64 * 4
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["state.safetensors"]


def test_what_cannot_be_done_is_said():
    with pytest.raises(ReveilError, match="attack.infer: 'feature' is not allowed.*'features'"):
        infer(Toy(), "feature")
    for kind, trained_on in (
        ("rotation", "features"),
        ("original", "images"),
        ("original", "reconstructions"),
    ):
        with pytest.raises(ReveilError, match="inner: 'inversion1-both' has no trained attacker"):
            infer(Toy(kind=kind), trained_on)
    with pytest.raises(ReveilError, match="attack infer: own images have no targets"):
        infer(Toy(kind="original"), "features").fit(own_data(Toy(kind="original")))


def test_methods_have_their_attackers():
    network = Toy(kind="original")
    more = {"name": "x", "shape": (3, 8, 8), "seed": 0}
    assert isinstance(make_attacker(attack(method="knn"), network, **more), Neighbours)


# Their networks ---------------------------------------------------------------------------------


def size(network):
    return sum(p.numel() for p in network.parameters())


def test_networks_have_the_parameters_of_their_papers():
    with torch.device("meta"):
        # ResNet-56 with 10 classes has 853,018 (He et al. 2016: 0.85 M); its two 1x1 shortcuts
        # with batch norm add 16 * 32 + 64 and 32 * 64 + 128.
        assert size(classifiers.on_images((3, 32, 32), 10)) == 853_018 + 576 + 2_176
        assert size(classifiers.on_images((3, 224, 224), 1000)) == 25_557_032
        large = classifiers.on_features((384, 13, 13), 224, 10)
        # A stem of 384 channels for 3, and 10 outputs for 1,000.
        assert size(large) == 25_557_032 + 381 * 64 * 49 - 990 * 2_049


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((32, 16, 16), (16, 16, 8)), ((16, 32, 32), (32, 16, 8)), ((5, 14, 14), (14, 14, 7))],
    ids=["authors", "report", "lenet"],
)
def test_features_are_halved_where_they_are_large(shape, sizes):
    network = classifiers.on_features(shape, 32, 7)
    found = []
    x = network.stem(torch.zeros(2, *shape))
    for number, block in enumerate(network.groups):
        x = block(x)
        if number % 9 == 8:
            found.append((x.shape[1], x.shape[-1]))
    assert found == list(zip((32, 32, 64), sizes, strict=True))
    assert network(torch.zeros(2, *shape)).shape == (2, 7)


def test_a_smaller_width_gives_a_resnet_20():
    network = classifiers.on_images((1, 32, 32), 10, width=16)
    assert len(network.groups) == 9 and network.fc.in_features == 16
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_large_images_and_features_go_through_a_resnet_50():
    with torch.device("meta"):
        images = classifiers.on_images((3, 224, 224), 10, width=4)
        features = classifiers.on_features((6, 13, 13), 224, 10, width=4)
        shown, seen = torch.zeros(2, 3, 224, 224), torch.zeros(2, 6, 13, 13)
        assert images.stem(shown).shape == (2, 4, 56, 56)
        assert images(shown).shape == (2, 10)
        assert features.stem(seen).shape == (2, 4, 7, 7)
        assert features(seen).shape == (2, 10)


def test_losses_by_hand():
    assert classifiers.loss(torch.zeros(2, 4), torch.tensor([1, 3])).item() == pytest.approx(
        math.log(4)
    )
    # log(1 + e^-2) where the answer is right by a logit of 2, log(1 + e^2) where it is wrong.
    logits = torch.tensor([[2.0, -2.0], [2.0, 0.0]])
    truth = torch.tensor([[True, False], [False, True]])
    right, wrong = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    expected = (2 * right + wrong + math.log(2)) / 4
    assert classifiers.loss(logits, truth).item() == pytest.approx(expected)
    assert classifiers.decide(logits, True).tolist() == [[True, False], [True, False]]
    assert classifiers.decide(logits, False).tolist() == [0, 0]
