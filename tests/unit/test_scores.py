"""The privacy and the accuracy score against values worked out by hand or the plain way."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from reveil import scores
from reveil.cosines import Factored, gradient_factors
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.models import build
from reveil.policies import Policy, parse
from reveil.rng import generator
from reveil.scores import AccuracyScore, PrivacyScore, Sample


@dataclass(frozen=True)
class PlainView:
    """A view of raw images in [-1, 1] whose policies darken, by an amount drawn per image."""

    shape: tuple[int, int, int]

    def draw(
        self, policy: Policy, images, seed: int, *, purpose: str, augment: str
    ) -> tuple[str, Tensor]:
        drawn = [torch.rand(1, generator=generator(seed, purpose, image)) for image in images]
        return augment, torch.cat(drawn)

    def victim(self, raw: Tensor, draws: tuple[str, Tensor], policy: Policy) -> Tensor:
        augment, drawn = draws
        if augment == "none":
            return raw
        share = drawn / (1 + sum(policy.members[0]))
        return (raw * share[:, None, None, None]).to(torch.uint8)

    def normalise(self, x: Tensor, split: str) -> Tensor:
        return x.float() / 127.5 - 1


def sample(count: int, shape: tuple[int, int, int] = (1, 4, 4), classes: int = 3) -> Sample:
    stream = torch.Generator().manual_seed(5)
    images = torch.randint(256, (count, *shape), generator=stream, dtype=torch.uint8)
    return Sample(images, torch.arange(count) % classes, [100 + 7 * i for i in range(count)])


def linear(shape: tuple[int, int, int] = (1, 4, 4), classes: int = 3) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), classes))
    return model.double().eval()


def network(name: str, channels: int = 3, size: int = 32) -> nn.Module:
    """Return a float64 network whose batch-norm statistics are not the initial ones."""
    model = build(name, channels=channels, size=size, classes=7, seed=3).double().eval()
    stream = torch.Generator().manual_seed(2)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.copy_(torch.randn(layer.num_features, generator=stream) * 0.3)
            layer.running_var.copy_(torch.rand(layer.num_features, generator=stream) + 0.5)
    return model


def plain_curve(model: nn.Module, start: Tensor, target: Tensor, label: Tensor, points: int):
    """Return the similarities the way the papers' code computes them, one gradient at a time."""
    parameters = list(model.parameters())

    def gradient(x: Tensor) -> list[Tensor]:
        loss = 0.5 * cross_entropy(model(x[None]), label[None])
        return [g.flatten() for g in torch.autograd.grad(loss, parameters)]

    end = gradient(target)
    per_tensor, whole = [], []
    for i in range(points + 1):
        here = gradient(i / points * target + (1 - i / points) * start)
        each = [cosine_similarity(a, b, 0, 1e-8) for a, b in zip(here, end, strict=True)]
        per_tensor.append(torch.stack(each).mean())
        whole.append(cosine_similarity(torch.cat(here), torch.cat(end), 0))
    return torch.stack([torch.stack(per_tensor), torch.stack(whole)])


def test_similarity_of_a_linear_model_by_hand() -> None:
    # logits W x + b with W = 0, b = 0: the gradient is (p - e_y) x^T for the weight, p - e_y for
    # the bias, and p is the same everywhere. The cosines are cos(x_i, xT) and 1.
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)).double().eval()
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64).reshape(1, 1, 1, 2)
    target = torch.tensor([0.0, 1.0], dtype=torch.float64).reshape(1, 1, 1, 2)
    curve = scores.gradsim_curves(model, start, target, torch.tensor([1]), 2)
    middle = 1 / np.sqrt(2)
    np.testing.assert_allclose(curve[0, 0], [0.5, (middle + 1) / 2, 1.0], atol=1e-12)
    # The whole gradient is (p - e_y) times (x, 1).
    np.testing.assert_allclose(curve[1, 0], [0.5, 1.5 / np.sqrt(1.5 * 2), 1.0], atol=1e-12)


@pytest.mark.parametrize(
    ("quadrature", "per_tensor", "whole"),
    [("trapezoid", 0.8017767, 0.7415816), ("left", 0.6767767, 0.5749150)],
)
def test_privacy_score_by_hand(quadrature: str, per_tensor: float, whole: float) -> None:
    # Of the same model: on the way from (1, 1) over (1, 0) to (1, -1) the cosines are 0, 1/sqrt(2)
    # and 1 for the weight, 1 for the bias, and 1/3, 2/sqrt(6) and 1 for both as one vector.
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)).double().eval()
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    images = Sample(torch.tensor([[[[255, 0]]]], dtype=torch.uint8), torch.tensor([1]), [0])
    view = PlainView((1, 1, 2))
    score = PrivacyScore(model, images, view, seed=0, points=2, quadrature=quadrature)
    score.starts = [torch.ones(1, 1, 1, 2, dtype=torch.float64)]
    chosen, both = score(parse("none"))
    assert chosen.tolist() == pytest.approx([per_tensor], abs=1e-7)
    assert both.tolist() == pytest.approx([whole], abs=1e-7)


def test_quadratures_by_hand() -> None:
    values = torch.tensor([0.2, 0.4, 1.0], dtype=torch.float64)
    assert scores.integrate(values, "trapezoid").item() == pytest.approx(0.5)
    assert scores.integrate(values, "left").item() == pytest.approx(0.3)
    with pytest.raises(ReveilError, match="did you mean 'trapezoid'"):
        scores.integrate(values, "trapeze")


@pytest.mark.parametrize(
    ("name", "size", "factored"),
    [("resnet20-1", 32, 6), ("convnet-w16", 28, 3), ("lenetzhu", 28, 1)],
)
def test_curves_equal_one_gradient_at_a_time(name: str, size: int, factored: int) -> None:
    model = network(name, size=size)
    stream = torch.Generator().manual_seed(0)
    starts, targets = torch.randn(2, 2, 3, size, size, generator=stream, dtype=torch.float64)
    labels = torch.tensor([4, 1])
    plain = [plain_curve(model, *piece, 3) for piece in zip(starts, targets, labels, strict=True)]
    expected = torch.stack(plain, 1)
    ours = scores.gradsim_curves(model, starts, targets, labels, 3)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)
    at_start = gradient_factors(model, starts, labels)
    assert sum(isinstance(g, Factored) for g in at_start) == factored
    shared = scores.gradsim_curves(model, starts, targets, labels, 3, at_start)
    torch.testing.assert_close(shared, expected, rtol=1e-9, atol=1e-11)


class Tied(nn.Module):
    """One layer used twice, and a kind of layer that no rule covers."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.layer(x.flatten(1)).tanh())
        return hidden if isinstance(self.norm, nn.LayerNorm) else self.layer(hidden)


@pytest.mark.parametrize("norm", [True, False])
def test_models_beyond_the_rules_get_whole_gradients(norm: bool) -> None:
    model = Tied(norm).double().eval()
    x, labels = torch.randn(3, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 5, 9])
    found = gradient_factors(model, x, labels)
    for ours, plain in zip(found, per_image_gradients(model, x, labels), strict=True):
        torch.testing.assert_close(ours.squares(), plain.flatten(1).square().sum(1))


def test_activations_in_place_do_not_disturb_the_record() -> None:
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(16, 3)]
    model = nn.Sequential(*layers).double().eval()
    x, labels = torch.randn(3, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 1, 2])
    found = gradient_factors(model, x, labels)
    for ours, plain in zip(found, per_image_gradients(model, x, labels), strict=True):
        torch.testing.assert_close(ours.squares(), plain.flatten(1).square().sum(1))


def test_the_score_is_the_trapezoid_of_its_curve_ends_at_one_and_stays_in_range() -> None:
    images = sample(5)
    score = PrivacyScore(linear(), images, PlainView((1, 4, 4)), seed=0, points=4)
    for name in ("none", "3-1"):
        curves = score.curves(parse(name))
        assert curves.shape == (2, 5, 5)
        torch.testing.assert_close(curves[..., -1], torch.ones(2, 5).double())
        assert curves.abs().max() <= 1 + 1e-12
        per_image, whole = score(parse(name))
        by_hand = np.trapezoid(curves.numpy(), dx=0.25, axis=2)
        np.testing.assert_allclose(per_image, by_hand[0])
        np.testing.assert_allclose(whole, by_hand[1])


def test_the_untouched_image_is_scored_without_a_policy() -> None:
    images, view = sample(2), PlainView((1, 4, 4))
    score = PrivacyScore(linear(), images, view, seed=9, points=2)
    starts = torch.stack(
        [torch.rand(1, 4, 4, generator=generator(9, "start", i)) for i in images.index]
    )
    targets = (images.images.float() / 127.5 - 1).double()
    curve = scores.gradsim_curves(
        linear(), (255 * starts / 127.5 - 1).double(), targets, images.labels, 2
    )
    torch.testing.assert_close(score.curves(parse("none")), curve)
    assert not torch.allclose(score.curves(parse("1")), curve)


def test_no_image_depends_on_its_neighbours_the_chunk_or_earlier_policies() -> None:
    images, view = sample(6), PlainView((1, 4, 4))
    whole = PrivacyScore(linear(), images, view, seed=0, points=3, chunk=6)
    before = whole.curves(parse("2"))
    parted = PrivacyScore(linear(), images, view, seed=0, points=3, chunk=4)
    parted.curves(parse("none"))
    torch.testing.assert_close(parted.curves(parse("2")), before)
    alone = PrivacyScore(linear(), images.pick(torch.tensor([3])), view, seed=0, points=3)
    torch.testing.assert_close(alone.curves(parse("2"))[:, 0], before[:, 3])


def test_without_room_for_the_start_gradients_the_result_is_the_same() -> None:
    images, view = sample(4), PlainView((1, 4, 4))
    kept = PrivacyScore(linear(), images, view, seed=0, points=3)
    without = PrivacyScore(linear(), images, view, seed=0, points=3)
    without._start_room = 0
    torch.testing.assert_close(without.curves(parse("2")), kept.curves(parse("2")))
    assert kept._start_gradients
    assert not without._start_gradients


def test_repeats_are_averaged_and_drawn_anew() -> None:
    images, view = sample(4), PlainView((1, 4, 4))
    settings = {"points": 3, "gradsim": "global"}
    once = PrivacyScore(linear(), images, view, seed=0, **settings)(parse("2"))
    twice = PrivacyScore(linear(), images, view, seed=0, repeats=2, **settings)
    curves = twice.curves(parse("2"))
    each, whole = twice.repeated(parse("2"))
    torch.testing.assert_close(each[0], once[0])
    torch.testing.assert_close(each.mean(0), twice(parse("2"))[0])
    assert each.shape == whole.shape == (2, 4)
    second = 2 * scores.integrate(curves, "trapezoid") - torch.stack([once[1], once[1]])
    torch.testing.assert_close(whole[1], second[1])
    assert not torch.allclose(second[1], once[1])
    torch.testing.assert_close(twice(parse("2"))[0], twice(parse("2"))[1])


def test_unknown_similarity_and_unequal_inputs_are_refused() -> None:
    with pytest.raises(ReveilError, match="s_pri.gradsim: 'globall'"):
        PrivacyScore(linear(), sample(2), PlainView((1, 4, 4)), 0, gradsim="globall")
    with pytest.raises(ReveilError, match="2 images, 3 labels and 2 numbers"):
        Sample(torch.zeros(2, 1, 4, 4), torch.zeros(3), [1, 2])


def test_score_of_uncorrelated_rows_is_about_minus_their_number() -> None:
    # Rows of a Hadamard matrix without the constant one: orthogonal and centred, all s_i = 1.
    hadamard = torch.tensor([[1.0]])
    for _ in range(4):
        hadamard = torch.cat(
            [torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)]
        )
    score = scores.correlation_scores(hadamard[1:13] * 3 + 7, torch.tensor([12]))
    assert score.item() == pytest.approx(-12, abs=1e-6)


def test_score_of_two_correlated_rows_by_hand() -> None:
    # Correlation 0.6: eigenvalues 1.6 and 0.4, and -(ln 1.6 + 1/1.6 + ln 0.4 + 1/0.4).
    rows = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.6, -0.6, 0.8, -0.8]])
    score = scores.correlation_scores(rows, torch.tensor([2])).item()
    assert score == pytest.approx(-2.678713, abs=1e-4)


def test_score_of_correlated_rows_equals_the_papers_formula() -> None:
    stream = np.random.default_rng(0)
    rows = stream.normal(size=(11, 40)) + stream.normal(size=40)
    expected = []
    for part in (rows[:6], rows[6:]):
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(part))
        expected.append(-np.sum(np.log(eigenvalues + 1e-5) + 1 / (eigenvalues + 1e-5)))
    ours = scores.correlation_scores(torch.from_numpy(rows), torch.tensor([6, 5]))
    np.testing.assert_allclose(ours, expected, rtol=1e-8)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_constant_row_costs_as_much_as_a_repeated_one(repeated: bool) -> None:
    rows = torch.randn(5, 300, generator=torch.Generator().manual_seed(0))
    rows[4] = rows[0] if repeated else 0.3
    score = scores.correlation_scores(rows, torch.tensor([5])).item()
    assert score == pytest.approx(-1e5, rel=1e-3)


@pytest.mark.parametrize("allowed", [True, False])
def test_networks_run_in_single_precision_whatever_is_allowed_outside(allowed: bool) -> None:
    seen = []

    class Recording(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((torch.backends.cudnn.allow_tf32, torch.is_autocast_enabled("cpu")))
            return super().forward(x)

    def make(seed: int) -> nn.Module:
        return Recording(*make_linear(seed)).eval()

    images, view = sample(4), PlainView((1, 4, 4))
    with torch.backends.cudnn.flags(allow_tf32=allowed), torch.autocast("cpu", torch.bfloat16):
        PrivacyScore(make(0), images, view, seed=0, points=2, chunk=3)(parse("2"))
        AccuracyScore(make, images, view, seed=0, batches=2)(parse("2"))
        assert torch.backends.cudnn.allow_tf32 == allowed
    assert seen
    assert set(seen) == {(False, False)}


def test_scored_images_have_the_constants_of_scoring() -> None:
    splits = []

    class Watching(PlainView):
        def normalise(self, x: Tensor, split: str) -> Tensor:
            splits.append(split)
            return super().normalise(x, split)

    view = Watching((1, 4, 4))
    PrivacyScore(linear(), sample(2), view, seed=0, points=2)(parse("2"))
    AccuracyScore(make_linear, sample(2), view, seed=0, batches=1)(parse("2"))
    assert sorted(splits) == ["score", "score", "start"]


def test_first_of_each_class_by_hand() -> None:
    labels = torch.tensor([[3, 1, 3, 1, 0], [2, 2, 2, 2, 2]])
    kept = scores.first_of_each_class(labels)
    assert kept.tolist() == [[True, True, False, False, True], [True, *[False] * 4]]


def make_linear(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed % 2**31)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3))


def plain_accuracy(model: nn.Module, x: Tensor, labels: Tensor) -> float:
    rows, seen = [], set()
    for image, label in zip(x, labels.tolist(), strict=True):
        if label not in seen:
            seen.add(label)
            image = image[None].clone().requires_grad_()
            rows.append(torch.autograd.grad(model(image).sum(), image)[0].flatten().numpy())
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(np.stack(rows).astype(float))).clip(min=0)
    return -np.sum(np.log(eigenvalues + 1e-5) + 1 / (eigenvalues + 1e-5))


def test_accuracy_score_equals_one_image_at_a_time() -> None:
    images, seeds = sample(8), []

    def init(seed: int) -> nn.Module:
        seeds.append(seed)
        return make_linear(seed)

    score = AccuracyScore(init, images, PlainView((1, 4, 4)), seed=4, batches=2, chunk=3)
    values = score(parse("none"))
    model = make_linear(seeds[0])
    x = images.images.float() / 127.5 - 1
    parts = (slice(0, 4), slice(4, 8))
    expected = [plain_accuracy(model, x[p], images.labels[p]) for p in parts]
    np.testing.assert_allclose(values, expected, rtol=1e-3)
    assert score.counts.tolist() == [3, 3]
    assert len(seeds) == 1


def test_initialisations_one_per_policy_or_averaged() -> None:
    images, view = sample(6), PlainView((1, 4, 4))

    def values(policy: str, **switches: object) -> Tensor:
        score = AccuracyScore(make_linear, images, view, seed=0, batches=2, **switches)
        return score(parse(policy))

    one = values("1", inits="one")
    torch.testing.assert_close(
        values("1", inits="averaged", init_count=1), values("1", inits="averaged")
    )
    assert not torch.allclose(values("1", inits="averaged", init_count=2), one)
    own = values("1", inits="per_policy")
    torch.testing.assert_close(values("1", inits="per_policy"), own)
    assert not torch.allclose(own, one)
    with pytest.raises(ReveilError, match="did you mean 'averaged'"):
        values("1", inits="average")


def test_without_deduplication_every_image_is_a_row() -> None:
    score = AccuracyScore(
        make_linear, sample(8), PlainView((1, 4, 4)), seed=0, batches=2, dedup=False
    )
    assert score.counts.tolist() == [4, 4]
    with pytest.raises(ReveilError, match="8 images do not make 3 equal batches"):
        AccuracyScore(make_linear, sample(8), PlainView((1, 4, 4)), seed=0, batches=3)
