import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from reveil import models
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.batch_gradients import problem_gradients, problem_products
from reveil.errors import ReveilError
from reveil.gradients import gradient_products, kernel_last, per_image_gradients

PROBLEMS, BATCH, CLASSES = 3, 2, 5
LABELS = torch.tensor([[0, 3], [4, 4], [2, 1]])
MODES = ("eval", "train")


class Unusual(nn.Module):
    """Parameters that only the general path can handle, beside a batch norm."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, 3, groups=3)
        self.norm = nn.BatchNorm2d(6)
        self.scale = nn.Parameter(torch.tensor([1.5]))
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        x = torch.sigmoid(self.norm(self.grouped(x)))
        return self.head(self.scale * x.mean((2, 3)))


NETWORKS = {
    "resnet20-1": lambda: models.build("resnet20-1", 3, 12, CLASSES, seed=0),
    "convnet-w4": lambda: models.build("convnet-w4", 3, 12, CLASSES, seed=0),
    "lenetzhu": lambda: models.build("lenetzhu", 3, 12, CLASSES, seed=0),
    "unusual": Unusual,
}


@pytest.fixture(params=NETWORKS)
def model(request):
    """Eval mode, float64, and batch norms that are no identities."""
    torch.manual_seed(0)
    network = NETWORKS[request.param]()
    stream = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=stream)
            module.running_var.uniform_(0.5, 1.5, generator=stream)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=stream)
            nn.init.normal_(module.bias, 0, 0.2, generator=stream)
    return network.double().eval()


def random(*shape, seed=2):
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=stream)


@pytest.fixture
def images():
    return random(PROBLEMS, BATCH, 3, 12, 12)


def one_by_one(model, images, labels, *, factor=1.0, bn_mode="eval", create_graph=False):
    """What victims compute: autograd, one problem at a time, in the network's own two modes."""
    each = []
    for x, y in zip(images, labels, strict=True):
        # A copy for each: a forward pass in training mode changes the running estimates.
        network = copy.deepcopy(model).train(bn_mode == "train")
        loss = factor * cross_entropy(network(x), y)
        wanted = list(network.parameters())
        each.append(torch.autograd.grad(loss, wanted, create_graph=create_graph))
    return [torch.stack(tensors) for tensors in zip(*each, strict=True)]


def compare(found, expected, rtol=1e-8, atol=1e-11):
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=rtol, atol=atol)


@pytest.mark.parametrize("bn_mode", MODES)
@pytest.mark.parametrize("soft", [False, True], ids=["classes", "probabilities"])
def test_gradients_equal_those_of_single_problems(soft, bn_mode, model, images):
    labels = random(PROBLEMS, BATCH, CLASSES).softmax(2) if soft else LABELS
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    found = problem_gradients(model, images, labels, factor=0.5, bn_mode=bn_mode)
    for name, buffer in model.named_buffers():
        torch.testing.assert_close(buffer, before[name], rtol=0, atol=0)
    expected = one_by_one(model, images, labels, factor=0.5, bn_mode=bn_mode)
    assert [f.shape for f in found] == [(PROBLEMS, *p.shape) for p in model.parameters()]
    assert not any(f.requires_grad for f in found)
    compare(found, expected)


@pytest.mark.parametrize("bn_mode", MODES)
def test_second_derivatives_equal_those_of_single_problems(bn_mode, model, images):
    def derivatives(gradients_of, **further):
        x = images.clone().requires_grad_()
        labels = random(PROBLEMS, BATCH, CLASSES).softmax(2).requires_grad_()
        found = gradients_of(model, x, labels, bn_mode=bn_mode, create_graph=True)
        total = sum((g * random(*g.shape) + g**2).sum() for g in found)
        return torch.autograd.grad(total, [x, labels])

    compare(derivatives(problem_gradients), derivatives(one_by_one))


@pytest.mark.parametrize("bn_mode", MODES)
def test_products_are_those_of_the_gradients(bn_mode, model, images):
    x = images.clone().requires_grad_()
    labels = random(PROBLEMS, BATCH, CLASSES).softmax(2).requires_grad_()
    gradients = one_by_one(model, x, labels, bn_mode=bn_mode, create_graph=True)
    target = [random(*g.shape) for g in gradients]
    expected = [
        torch.stack([(g * o).flatten(1).sum(1) for g, o in zip(gradients, other, strict=True)], 1)
        for other in (target, gradients)
    ]
    found = problem_products(model, x, labels, kernel_last(target), bn_mode=bn_mode)
    compare(found, expected)
    weights = [random(*part.shape, seed=3) for part in expected]

    def pull(pair):
        total = (pair[0] * weights[0] + pair[1] * weights[1]).sum()
        return torch.autograd.grad(total, [x, labels], retain_graph=True)

    compare(pull(found), pull(expected))


@pytest.mark.parametrize("bn_mode", MODES)
def test_one_image_is_a_problem_with_or_without_a_batch_dimension(bn_mode, model, images):
    alone, labels = images[:, 0], LABELS[:, 0]
    found = problem_gradients(model, alone, labels, bn_mode=bn_mode)
    compare(found, problem_gradients(model, images[:, :1], LABELS[:, :1], bn_mode=bn_mode))
    compare(found, one_by_one(model, images[:, :1], LABELS[:, :1], bn_mode=bn_mode))


def test_one_image_in_eval_mode_is_a_per_image_gradient(model, images):
    alone, labels = images[:, 0], LABELS[:, 0]
    found = per_image_gradients(model, alone, labels)
    compare(found, problem_gradients(model, alone, labels), rtol=0, atol=0)
    products = gradient_products(model, alone, labels, found)
    compare(products, problem_products(model, alone, labels, found), rtol=0, atol=0)


def test_the_gradient_of_a_batch_is_the_mean_of_its_images_in_eval_mode_only(model, images):
    single = per_image_gradients(model, images.flatten(0, 1), LABELS.flatten())
    means = [g.unflatten(0, (PROBLEMS, BATCH)).mean(1) for g in single]
    compare(problem_gradients(model, images, LABELS), means)
    if any(isinstance(m, nn.BatchNorm2d) for m in model.modules()):
        other = problem_gradients(model, images, LABELS, bn_mode="train")
        assert (other[0] - means[0]).abs().max() > 1e-3


def test_batch_statistics_by_hand():
    # Of the one-pixel images 1 and 3 the mean is 2 and the biased variance 1: normalised, -1 and 1.
    # Twice that are the logits (-2, 0) and (2, 0); of class 0 the errors are p - 1 and p.
    network = nn.Sequential(nn.BatchNorm2d(1, eps=0.0), nn.Flatten(), nn.Linear(1, 2, bias=False))
    network.double().eval()
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[2.0], [0.0]]))
    images = torch.tensor([1.0, 3.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    scale, shift, weight = problem_gradients(
        network, images, torch.tensor([[0, 1]]), bn_mode="train"
    )
    # sigmoid(-2) - 1 = -0.8807970779779 and sigmoid(2) = 0.8807970779779
    error = 0.8807970779778823
    torch.testing.assert_close(weight.flatten(), torch.tensor([error, -error]).double())
    torch.testing.assert_close(scale.item(), 2 * error)
    torch.testing.assert_close(shift.item(), 0.0)


@pytest.mark.parametrize("bn_mode", MODES)
def test_a_problem_does_not_see_its_neighbours(bn_mode, model, images):
    broken = images.clone()
    broken[1, 0] = torch.nan
    x = broken.requires_grad_()
    found = problem_products(
        model,
        x,
        LABELS,
        [torch.ones(3, *p.shape).double() for p in model.parameters()],
        bn_mode=bn_mode,
    )
    (slope,) = torch.autograd.grad(found.square.sum(), x)
    assert torch.isfinite(slope[[0, 2]]).all()
    assert torch.isfinite(found.square[[0, 2]]).all()
    assert torch.isnan(found.square[1]).any()


def test_frozen_parameters_have_no_gradient(images):
    network = NETWORKS["lenetzhu"]().double().eval()
    network.fc.requires_grad_(False)
    found = problem_gradients(network, images, LABELS)
    network.fc.requires_grad_(True)
    compare(found, problem_gradients(network, images, LABELS)[:-2])
    assert len(found) == 6


def test_what_cannot_be_computed_is_refused(images):
    network = NETWORKS["lenetzhu"]().double().eval()
    with pytest.raises(ReveilError, match=r"bn_mode: 'trained' is not allowed.*mean 'train'"):
        problem_gradients(network, images, LABELS, bn_mode="trained")
    with pytest.raises(ValueError, match=r"labels of \(3, 1\) for images of \(3, 2, 3, 12, 12\)"):
        problem_gradients(network, images, LABELS[:, :1])
    with pytest.raises(ValueError, match="eval mode"):
        problem_gradients(network.train(), images, LABELS)


@pytest.mark.parametrize("bn_mode", MODES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_vanish_at_the_batches_of_the_victims_only(objective, bn_mode, images):
    # No channel is dead and no bias drowned in the mean: no gradient is zero.
    conv, norm = nn.Conv2d(3, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4)
    network = nn.Sequential(conv, norm, nn.Sigmoid(), nn.Flatten(), nn.Linear(100, CLASSES))
    network.double().eval()
    shared = one_by_one(network, images, LABELS, factor=0.5, bn_mode=bn_mode)
    target = Target.of(shared, factor=0.5, bn_mode=bn_mode)
    costs = OBJECTIVES[objective](network, images, LABELS, target)
    torch.testing.assert_close(costs, torch.zeros(PROBLEMS).double(), rtol=0, atol=1e-9)
    moved = images.clone()
    moved[1, 1, :, :6] += 0.5
    moved.requires_grad_()
    costs = OBJECTIVES[objective](network, moved, LABELS, target)
    assert (costs > 1e-4).tolist() == [False, True, False]
    (slope,) = torch.autograd.grad(costs[1], moved)
    assert (slope[1].flatten(1).abs().amax(1) > 0).all()
    assert slope[[0, 2]].abs().max() == 0
