"""Scores of sets of images, on values computed by hand, and where their features come from."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from reveil.errors import ReveilError
from reveil.torchvision_guard import import_torchvision
from reveil.unir import features, scores
from tests.unit.test_unir_methods import values


def test_the_score_of_certain_and_equally_frequent_classes_is_their_number():
    logits = 1000 * torch.eye(5).repeat(20, 1)
    found = scores.inception_score(logits, splits=10, smallest=100)
    assert found.value == pytest.approx(5)
    assert found.low == pytest.approx(5)
    assert found.high == pytest.approx(5)
    assert (found.n, found.method) == (100, "jackknife")


def test_the_score_of_images_that_tell_nothing_is_one():
    logits = torch.tensor([[0.3, -1.0, 2.0]]).repeat(50, 1)
    assert scores.inception_score(logits).value == pytest.approx(1)


def test_the_score_of_two_unequal_classes_by_hand():
    # E KL = -(0.25 ln 0.25 + 0.75 ln 0.75), the entropy of the marginal.
    logits = 1000.0 * nn.functional.one_hot(torch.tensor([0, 1, 1, 1] * 10), 2)
    expected = math.exp(-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)))
    assert scores.inception_score(logits).value == pytest.approx(expected)


def test_fewer_samples_than_the_least_have_a_score_without_an_interval():
    found = scores.inception_score(torch.randn(9_999, 3))
    assert math.isnan(found.low) and found.method == "none"
    found = scores.inception_score(torch.randn(10_000, 3))
    assert found.low < found.value < found.high


def test_the_interval_of_a_jackknife_of_means_is_students():
    # Leaving one of n values out of a mean gives the usual standard error exactly.
    data = torch.tensor([1.0, 4.0, 2.0, 7.0])
    found = scores._jackknife(lambda kept: float(data[kept].mean()), 4, 4, 0, 0.95)
    error = data.std().item() / 2
    assert found.high - found.value == pytest.approx(3.182446 * error, rel=1e-6)
    with pytest.raises(ReveilError, match="splits: 5 is not allowed; allowed: 2 to 4"):
        scores._jackknife(lambda kept: 0.0, 4, 5, 0, 0.95)


def test_the_frechet_distance_of_a_shift_is_its_square_and_of_equals_nothing():
    real = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    assert scores.frechet_distance(real, real).value == pytest.approx(0, abs=1e-9)
    shift = torch.tensor([1.0, -2.0, 0.5])
    assert scores.frechet_distance(real, real + shift).value == pytest.approx(5.25, rel=1e-6)


def test_the_frechet_distance_of_scaled_features_by_hand():
    # In one dimension it is (m - m')^2 + (s - s')^2.
    real = torch.tensor([[-1.0], [1.0]]).repeat(50, 1)
    std = real.std().item()
    assert scores.frechet_distance(real, 3 * real + 1).value == pytest.approx(1 + (2 * std) ** 2)


def test_the_frechet_distance_of_correlated_features_is_that_of_scipy():
    from scipy.linalg import sqrtm

    stream = torch.Generator().manual_seed(1)
    mix = torch.randn(4, 4, generator=stream)
    real = torch.randn(300, 4, generator=stream) @ mix
    fake = torch.randn(250, 4, generator=stream)
    first, second = (torch.cov(f.double().T) for f in (real, fake))
    cross = torch.from_numpy(sqrtm((first @ second).numpy()).real)
    mean = (real.double().mean(0) - fake.double().mean(0)).square().sum()
    expected = mean + (first + second - 2 * cross).trace()
    assert scores.frechet_distance(real, fake).value == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("shape", "word"), [((5, 3), "as many per image"), ((1, 2), "from 2")])
def test_features_that_cannot_be_compared(shape: tuple[int, int], word: str):
    with pytest.raises(ReveilError, match=word):
        scores.frechet_distance(torch.zeros(5, 2), torch.zeros(shape))


def test_measuring_again_does_not_depend_on_the_neighbours(root: Path):
    from reveil.unir.operators import settings
    from reveil.unir.operators.interface import make
    from reveil.unir.operators.measurements import measured_again

    operator = make(settings.from_values("o", values(root, "operators")), (1, 8, 8))
    images = torch.ones(4, 1, 8, 8)
    all_four = measured_again(images, operator, 3, range(4))
    assert torch.equal(measured_again(images[2:], operator, 3, [2, 3]), all_four[2:])
    assert (all_four == 0).float().mean() == pytest.approx(57 / 64)
    assert not torch.equal(all_four[0], all_four[1])


def test_features_of_a_classifier_are_what_its_last_layer_sees():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    seen = []

    def normalise(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return images / 255

    images = torch.tensor([-1.0, 1.0, 0.0, 2.0]).view(1, 1, 2, 2).repeat(5, 1, 1, 1)
    found, logits = features.of_classifier(network, normalise, chunk=2)(images)
    assert seen[0][0].flatten().tolist() == [0, 255, 128, 255]
    assert found.shape == (5, 3)
    assert torch.allclose(network[3](found), logits)
    assert len(network[3]._forward_pre_hooks) == 0


def test_a_network_without_a_linear_layer_gives_no_features():
    with pytest.raises(ReveilError, match="Conv2d has no linear layer"):
        features.of_classifier(nn.Conv2d(1, 1, 3), lambda x: x)


@pytest.fixture(scope="module")
def inception():
    import_torchvision()
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    return inception_v3(num_classes=1008, aux_logits=False, init_weights=False).eval()


def test_inception_of_2015_pools_without_its_padding(inception, tmp_path: Path):
    path = tmp_path / "inception.pth"
    torch.save(inception.state_dict(), path)
    images = torch.rand(1, 1, 8, 8) * 2 - 1
    found, logits = features.of_inception(path)(images)
    assert (found.shape, logits.shape) == ((1, 2048), (1, 1008))
    assert torch.allclose(inception.fc(found), logits, atol=1e-5)


def test_a_repooled_block_differs_at_the_border_of_its_last_branch_alone(inception):
    block = inception.Mixed_5b
    x = torch.rand(1, 192, 6, 6)
    with torch.no_grad():
        theirs, ours = block(x), features._Repooled(block, maximum=False)(x)
        maximum = features._Repooled(block, maximum=True)(x)
    assert torch.equal(ours[:, :-32], theirs[:, :-32])
    assert torch.allclose(ours[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], atol=1e-6)
    assert not torch.allclose(ours[..., 0, 0], theirs[..., 0, 0])
    assert torch.equal(maximum[:, :-32], theirs[:, :-32])
    assert not torch.allclose(maximum[:, -32:], theirs[:, -32:])


def test_files_that_hold_no_inception_are_refused(tmp_path: Path):
    missing = tmp_path / "none.pth"
    with pytest.raises(ReveilError, match="inception_weights .*none.pth: cannot be read"):
        features.of_inception(missing)
    torch.save({"fc.bias": torch.zeros(10)}, tmp_path / "ten.pth")
    with pytest.raises(ReveilError, match="10 classes are not allowed; allowed: 1000.* or 1008"):
        features.of_inception(tmp_path / "ten.pth")
    torch.save({"fc.bias": torch.zeros(1000)}, tmp_path / "empty.pth")
    with pytest.raises(ReveilError, match="not Inception v3's"):
        features.of_inception(tmp_path / "empty.pth")
