from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from reveil import policies
from reveil.attacks.moves import shift
from reveil.attacks.objectives import OBJECTIVES
from reveil.attacks.priors import start, total_variation
from reveil.batch_gradients import problem_gradients
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.job import State
from reveil.scene import Shared
from tests import pictured
from tests.attacked_block import BOX, IMAGES, LABELS, SHAPE, attack, network, share, victim_images

LIMITS = (0.02, 0.3)
TRANSLATION = {"method": "translation", "bounds": LIMITS}


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def shared(model):
    return share(model, victim_images())


def published(model, target, label, x, iterations):
    """Section "Insight 1" of Warmerdam et al. 2022 for one image, with the tools of torch."""
    t = torch.zeros(2, dtype=x.dtype, requires_grad=True)
    x = x.clone().requires_grad_()
    optimizer = torch.optim.Adam([x, t], lr=0.1)
    limits = torch.tensor(LIMITS, dtype=x.dtype)
    low, high = (bound.double() for bound in pictured.BOX)
    weights = list(model.parameters())
    for iteration in range(iterations):
        # M // 2.667, M // 1.6 and M // 1.142 of 20.
        passed = sum(iteration >= mark for mark in (7, 12, 17))
        optimizer.param_groups[0]["lr"] = 0.1 * 0.1**passed
        matrix = torch.cat([torch.eye(2, dtype=x.dtype), t[:, None]], 1)[None]
        grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
        moved = functional.grid_sample(x, grid, align_corners=False)
        loss = functional.cross_entropy(model(moved), label)
        found = torch.autograd.grad(loss, weights, create_graph=True)
        pairs = list(zip(found, target, strict=True))
        norms = [sum(g.square().sum() for g in side).sqrt() for side in zip(*pairs, strict=True)]
        cost = 1 - sum((f * g).sum() for f, g in pairs) / (norms[0] * norms[1])
        total = cost + 1e-4 * total_variation(x).sum()
        x.grad, t.grad = torch.autograd.grad(total, [x, t])
        x.grad.sign_()
        optimizer.step()
        with torch.no_grad():
            t.copy_(torch.minimum(torch.maximum(t, -limits), limits))
            x.copy_(torch.minimum(torch.maximum(x, low), high))
    return x.detach(), t.detach()


def test_a_block_equals_the_published_attack_on_single_images():
    # 16 pixels: grids of powers of two are exact, and so is the side from which torch
    # differentiates at t = 0.
    model = pictured.small_network().double()
    used, _ = pictured.transformed("3", [pictured.ALTERNATING])
    images = range(pictured.COUNT)
    shared = pictured.shared_by(model, used.double(), "only-3")
    found = attack(model, shared, images=images, padding="zero", **TRANSLATION)
    starts = start("randn", images, pictured.SHAPE, 0, 0).double()
    for i in images:
        target, label = [g[i] for g in shared.gradients], pictured.LABELS[i : i + 1]
        x, t = published(model, target, label, starts[i : i + 1], 20)
        torch.testing.assert_close(found.extras["t"][i], t, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(found.extras["x_unshifted"][i : i + 1], x, rtol=1e-7, atol=1e-9)
    t = found.extras["t"].abs()
    assert float(t[:, 0].max()) == LIMITS[0]
    assert 0 < float(t[:, 1].max()) < LIMITS[1]
    assert len({tuple(row) for row in t.tolist()}) == len(images)


def test_the_judge_gets_black_shifted_in_whatever_the_attack_used(model, shared):
    for padding in ("zero", "black"):
        found = attack(model, shared, padding=padding, **TRANSLATION)
        t, still = found.extras["t"], found.extras["x_unshifted"]
        torch.testing.assert_close(found.x, shift(still, t, BOX[0]), rtol=0, atol=0)


@pytest.mark.parametrize(("padding", "fill"), [("zero", 0.0), ("black", -1.5)])
def test_the_cost_is_that_of_the_shifted_image(padding, fill, model, shared):
    found = attack(model, shared, padding=padding, **TRANSLATION)
    moved = shift(found.extras["x_unshifted"], found.extras["t"], fill)
    gradients = per_image_gradients(model, moved, LABELS)
    flat = [torch.cat([g.flatten(1) for g in side], 1) for side in (gradients, shared.gradients)]
    expected = 1 - functional.cosine_similarity(*flat)
    torch.testing.assert_close(found.cost, expected, rtol=1e-6, atol=1e-9)


def test_the_limits_of_a_known_policy_hold(model, shared):
    # Of 12 pixels 21 shifts by 3 along x, and the crop by 1 along both.
    known = replace(shared, policy=policies.parse("21"), augment="crop_flip+policy", crop_shift=1)
    fast = {"learning_rate": 1.0, "decay": "none"}
    found = attack(model, known, method="translation", **fast)
    largest = found.extras["t"].abs().amax(0)
    assert largest.tolist() == pytest.approx([8 / 12, 2 / 12])


def test_each_image_behind_a_gradient_has_its_shift(model):
    x, labels = victim_images()[:4].unflatten(0, (2, 2)), LABELS[:4].view(2, 2)
    batches = Shared(problem_gradients(model, x, labels), labels, SHAPE, BOX, batch=2)
    found = attack(model, batches, images=IMAGES[:4], **TRANSLATION)
    t, still = found.extras["t"], found.extras["x_unshifted"]
    assert found.x.shape == (2, 2, *SHAPE)
    assert t.shape == (2, 2, 2)
    assert len({tuple(row) for row in t.flatten(0, 1).tolist()}) == 4
    expected = shift(still.flatten(0, 1), t.flatten(0, 1), BOX[0])
    torch.testing.assert_close(found.x.flatten(0, 1), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bounds": "policy"}, "bounds: 'policy' .* told no policy"),
        ({"bounds": "published"}, "bounds: 'published' .* told no policy"),
        ({"bounds": "pulbished"}, "bounds: 'pulbished'"),
        ({"bounds": [0.1]}, r"bounds: \[0.1\]"),
        ({"bounds": [0.1, -0.1]}, "bounds"),
        ({"padding": "blacks"}, "padding: 'blacks' .* did you mean 'black'"),
    ],
)
def test_a_wrong_parameter_is_named(changes, message, model, shared):
    with pytest.raises(ReveilError, match=message):
        attack(model, shared, **(TRANSLATION | changes))


def test_a_resumed_attack_ends_as_an_uninterrupted_one_to_the_bit(
    model, shared, tmp_path, monkeypatch
):
    whole = attack(model, shared, **TRANSLATION)
    cosine, steps = OBJECTIVES["cosine"], iter(range(1000))

    def failing(*arguments):
        if next(steps) == 11:
            raise InterruptedError
        return cosine(*arguments)

    monkeypatch.setitem(OBJECTIVES, "cosine", failing)
    with pytest.raises(InterruptedError):
        attack(model, shared, state=State(tmp_path, {}, interval=0.0), **TRANSLATION)
    monkeypatch.undo()
    resumed = attack(model, shared, state=State(tmp_path, {}), **TRANSLATION)
    torch.testing.assert_close(resumed.x, whole.x, rtol=0, atol=0)
    torch.testing.assert_close(resumed.extras["t"], whole.extras["t"], rtol=0, atol=0)


def test_it_beats_the_default_attack_on_shifted_images():
    model = pictured.small_network()
    used, content = pictured.transformed("3", [pictured.ALTERNATING])
    shared = pictured.shared_by(model, used, "only-3")
    plain = pictured.attack(model, shared, 300)
    better = pictured.attack(model, shared, 300, method="translation")
    gain = pictured.scores(better.x, used, content) - pictured.scores(plain.x, used, content)
    assert gain.mean() > 2
    assert (gain > 0).sum() >= 5
