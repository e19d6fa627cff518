"""Attackers who are not told the classes."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from reveil import attacks, models
from reveil.attacks.labels import infer_labels, last_linear, without_last_linear
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.priors import start
from reveil.batch_gradients import problem_gradients
from reveil.config.presets import merge, read_yaml
from reveil.errors import ReveilError
from reveil.job import State
from reveil.rng import generator
from reveil.scene import Shared
from tests.workflow import ROOT

SHAPE = (3, 10, 10)
CLASSES = 5
IMAGES = (7, 3, 11)
LABELS = torch.tensor([0, 4, 2])
BOX = tuple(torch.full((1, 3, 1, 1), value, dtype=torch.float64) for value in (-1.5, 1.5))
PARAMETERS = merge(
    read_yaml(ROOT / "config/attacks/default.yaml"), {"iterations": 12, "decay": "none"}
)
METHODS = {
    "adam": {},
    "lbfgs": {"method": "lbfgs", "learning_rate": 0.1, "signed": "none", "iterations": 2},
}


@pytest.fixture(scope="module")
def model():
    return models.build("lenetzhu", 3, 10, CLASSES, seed=0).double().eval()


@pytest.fixture(scope="module")
def victims():
    return start("randn", IMAGES, SHAPE, 0, 0, purpose="victim").double() / 2


@pytest.fixture(scope="module")
def silent(model, victims):
    """What victims share that do not declare their classes."""
    return Shared(problem_gradients(model, victims, LABELS), None, SHAPE, BOX)


def attack(model, shared, images=IMAGES, state=None, **changes):
    parameters = PARAMETERS | changes
    return attacks.reconstruct(
        model, shared, parameters, images, 0, state=state, dtype=torch.float64
    )


def tiny(weight_gradient, batch=1):
    """A model of two features and three classes, and its shared gradient of the weight."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 3, bias=False))
    gradient = torch.tensor([weight_gradient])
    return model, Shared([gradient], None, (2, 1, 1), BOX, batch=batch)


def test_the_class_of_an_image_has_the_lowest_sum_of_its_row():
    # Features (2, 3) and probabilities (0.2, 0.5, 0.3) of an image of class 1.
    found = infer_labels(*tiny([[0.4, 0.6], [-1.0, -1.5], [0.6, 0.9]]))
    assert found.tolist() == [1]
    # The sums are -1, -0.5 and 1, though the lowest element is in row 1.
    assert infer_labels(*tiny([[-0.5, -0.5], [-2.0, 1.5], [0.0, 1.0]])).tolist() == [0]


def test_the_classes_of_a_batch_have_the_lowest_elements():
    # The lowest elements are -0.1, -2 and -0.5; the sums would say class 0 and 2.
    rows = [[-0.1, -0.1], [-2.0, 3.0], [-0.5, -0.5]]
    assert infer_labels(*tiny(rows, batch=2)).tolist() == [[1, 2]]
    model, shared = tiny(rows, batch=4)
    with pytest.raises(ReveilError, match="of 3; a batch of 4 is not allowed"):
        infer_labels(model, shared)


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "lenetzhu"])
def test_classes_are_inferred_from_gradients_of_the_models(name):
    network = models.build(name, 3, 12, CLASSES, seed=0).eval()
    x = torch.randn(8, 3, 12, 12, generator=generator(0, "images"))
    labels = torch.arange(8) % CLASSES
    single = Shared(problem_gradients(network, x, labels), None, (3, 12, 12), BOX)
    assert infer_labels(network, single).tolist() == labels.tolist()
    pairs = problem_gradients(network, x.unflatten(0, (4, 2)), labels.view(4, 2))
    found = infer_labels(network, Shared(pairs, None, (3, 12, 12), BOX, batch=2))
    right = (found[:, :, None] == labels.view(4, 1, 2)).any(1).sum()
    assert right >= 7, "of a batch the rule may miss one"


@pytest.mark.parametrize("method", METHODS)
def test_an_attack_with_inferred_classes_equals_one_that_was_told(method, model, silent):
    told = attack(model, replace(silent, labels=LABELS), **METHODS[method])
    found = attack(model, silent, label="idlg", **METHODS[method])
    assert found.labels.tolist() == LABELS.tolist()
    assert told.labels is None
    torch.testing.assert_close(found.x, told.x, rtol=0, atol=0)
    torch.testing.assert_close(found.cost, told.cost, rtol=0, atol=0)


def test_what_was_declared_is_not_looked_at(model, silent):
    wrong = replace(silent, labels=(LABELS + 1) % CLASSES)
    for label in ("idlg", "joint"):
        found, deceived = (attack(model, s, label=label, iterations=2) for s in (silent, wrong))
        torch.testing.assert_close(found.x, deceived.x, rtol=0, atol=0)


def test_known_classes_must_be_declared(model, silent):
    with pytest.raises(ReveilError, match="the victims declare no labels"):
        attack(model, silent)


def test_the_gradient_of_the_last_layer_is_not_matched(model, silent):
    network, part = without_last_linear(model, silent)
    assert last_linear(model) == "fc"
    assert len(part.gradients) == len(silent.gradients) - 2
    assert [n for n, p in network.named_parameters() if not p.requires_grad] == [
        "fc.weight",
        "fc.bias",
    ]
    assert all(p.requires_grad for p in model.parameters())


def test_a_defended_last_layer_changes_only_inferred_classes(model, silent):
    gradients = [*silent.gradients[:-2], -silent.gradients[-2], -silent.gradients[-1]]
    defended = replace(silent, gradients=gradients)
    assert (infer_labels(model, defended) != LABELS).all()
    joint = {"label": "joint", "iterations": 3}
    torch.testing.assert_close(
        attack(model, defended, **joint).x, attack(model, silent, **joint).x, rtol=0, atol=0
    )


def one_by_one(model, silent, i, rate, iterations, optimizer):
    """Optimise one image and its logits with an optimiser of the library."""
    x = start("randn", IMAGES[i : i + 1], SHAPE, 0, 0).double().requires_grad_()
    stream = generator(0, "attack labels", IMAGES[i], 0)
    logits = torch.randn(1, CLASSES, generator=stream).double().requires_grad_()
    parameters = list(model.parameters())[:-2]
    wanted = [g[i] for g in silent.gradients[:-2]]

    def closure():
        loss = -(logits.softmax(1) * model(x).log_softmax(1)).sum()
        found = torch.autograd.grad(loss, parameters, create_graph=True)
        cost = sum((f - w).square().sum() for f, w in zip(found, wanted, strict=True))
        x.grad, logits.grad = torch.autograd.grad(cost, [x, logits])
        return cost

    steps = optimizer([x, logits], lr=rate)
    for _ in range(iterations):
        steps.step(closure)
    return x.detach(), logits.detach(), closure().item()


@pytest.mark.parametrize("method", METHODS)
def test_image_and_class_are_found_together_as_by_the_library(method, model, silent):
    changes = METHODS[method] | {"objective": "l2", "signed": "none", "boxed": False}
    found = attack(model, silent, label="joint", total_variation=0.0, **changes)
    library = {"adam": torch.optim.Adam, "lbfgs": torch.optim.LBFGS}[method]
    iterations = changes.get("iterations", 12)
    for i in range(len(IMAGES)):
        x, logits, cost = one_by_one(model, silent, i, 0.1, iterations, library)
        torch.testing.assert_close(found.x[i : i + 1], x, rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(found.cost[i].item(), cost, rtol=1e-6, atol=0)
        assert found.labels[i].item() == logits.argmax().item()


def test_neither_sign_nor_box_touches_the_logits(model, silent, monkeypatch):
    seen, cosine = [], OBJECTIVES["cosine"]

    def watched(network, x, labels, target):
        seen.append(labels.detach())
        return cosine(network, x, labels, target)

    monkeypatch.setitem(OBJECTIVES, "cosine", watched)
    tight = replace(silent, box=tuple(1e-3 * bound for bound in BOX))
    found = attack(model, tight, label="joint", learning_rate=1.0)
    assert found.x.abs().max() <= 1.5e-3
    assert seen[0].shape == (3, CLASSES)
    torch.testing.assert_close(seen[-1].sum(1), torch.ones(3).double())
    assert (seen[-1] - seen[0]).abs().amax(1).min() > 0.05
    assert seen[-1].argmax(1).tolist() == found.labels.tolist()


def test_joint_labels_recover_the_class(model, victims, silent):
    changes = {"method": "lbfgs", "learning_rate": 1.0, "objective": "l2", "signed": "none"}
    changes |= {"boxed": False, "total_variation": 0.0, "iterations": 20}
    found = attack(model, silent, label="joint", **changes)
    assert found.labels.tolist() == LABELS.tolist()
    assert (found.x - victims).abs().mean() < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_a_trace_has_the_tensors_that_are_matched(method, model, silent):
    changes = METHODS[method] | {"trace": True, "iterations": 2}
    counts = {"idlg": len(silent.gradients), "joint": len(silent.gradients) - 2}
    for label, tensors in counts.items():
        cosines = attack(model, silent, label=label, **changes).extras["cosines"]
        assert cosines.shape == (3, 3, tensors)
        assert torch.isfinite(cosines).all()


def test_a_batch_has_probabilities_for_every_image(model, victims):
    gradients = problem_gradients(model, victims[None, :2], LABELS[None, :2])
    pair = Shared(gradients, None, SHAPE, BOX, batch=2)
    joint = attack(model, pair, images=IMAGES[:2], label="joint", iterations=2)
    assert joint.labels.shape == (1, 2)
    assert joint.x.shape == (1, 2, *SHAPE)
    inferred = attack(model, pair, images=IMAGES[:2], label="idlg", iterations=2)
    assert sorted(inferred.labels[0].tolist()) == [0, 4]


class Interruption(Exception):  # noqa: N818 - it stands for a kill
    pass


@pytest.mark.parametrize("method", METHODS)
def test_logits_survive_an_interruption(method, model, silent, tmp_path, monkeypatch):
    changes = METHODS[method] | {"label": "joint", "restarts": 2}
    whole = attack(model, silent, **changes)
    calls, cosine = iter(range(1000)), OBJECTIVES["cosine"]
    last = 30 if method == "lbfgs" else 18

    def count(*arguments):
        if next(calls) == last:
            raise Interruption
        return cosine(*arguments)

    monkeypatch.setitem(OBJECTIVES, "cosine", count)
    with pytest.raises(Interruption):
        attack(model, silent, state=State(tmp_path, {}, interval=0.0), **changes)
    monkeypatch.undo()
    resumed = attack(model, silent, state=State(tmp_path, {}), **changes)
    torch.testing.assert_close(resumed.x, whole.x, rtol=0, atol=0)
    assert resumed.labels.tolist() == whole.labels.tolist()


def test_a_model_without_a_last_layer_to_look_at_is_refused(silent):
    bare = nn.Sequential(nn.Conv2d(3, 5, 10), nn.Flatten())
    with pytest.raises(ReveilError, match="without a linear layer"):
        infer_labels(bare, silent)
    frozen = models.build("lenetzhu", 3, 10, CLASSES, seed=0)
    frozen.fc.requires_grad_(False)
    with pytest.raises(ReveilError, match="last linear layer is frozen"):
        infer_labels(frozen, silent)


def test_probabilities_that_are_right_cost_nothing(model, victims, silent):
    network, part = without_last_linear(model, silent)
    right = torch.nn.functional.one_hot(LABELS, CLASSES).double()
    target = Target.of(part.gradients)
    costs = OBJECTIVES["cosine"](network, victims, right, target)
    torch.testing.assert_close(costs, torch.zeros(3).double(), rtol=0, atol=1e-10)
    assert (OBJECTIVES["cosine"](network, victims, right.roll(1, 1), target) > 1e-4).all()
