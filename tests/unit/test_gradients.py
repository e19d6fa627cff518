import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from reveil import models
from reveil.gradients import gradient_products, kernel_last, per_image_gradients
from reveil.patches import Geometry

COUNT = 3


class Residual(nn.Module):
    """A bit of everything that the fast path knows: strides, dilation, shortcut, in-place ReLU."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inplace = nn.ReLU(inplace=True)
        self.strided = nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False)
        self.shortcut = nn.Conv2d(4, 6, 1, stride=2)
        self.dilated = nn.Conv2d(6, 5, (3, 2), dilation=(1, 2))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(5, 7)

    def forward(self, x):
        x = self.inplace(self.norm(self.first(x)))
        x = torch.relu(self.strided(x) + self.shortcut(x))
        return self.head(self.pool(torch.sigmoid(self.dilated(x))).mean((2, 3)))


class Unusual(nn.Module):
    """Parameters in operations that only the general path can handle."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, 3, groups=3)
        self.norm = nn.GroupNorm(2, 6)
        self.scale = nn.Parameter(torch.tensor([1.5]))
        self.head = nn.Linear(6, 7)

    def forward(self, x):
        return self.head(self.scale * self.norm(self.grouped(x)).mean((2, 3)))


def scrambled(model, seed=0):
    """Eval mode, float64, and batch norms that are no identities."""
    stream = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=stream)
            module.running_var.uniform_(0.5, 1.5, generator=stream)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=stream)
            nn.init.normal_(module.bias, 0, 0.2, generator=stream)
    return model.double().eval()


NETWORKS = {
    "residual": Residual,
    "unusual": Unusual,
    "resnet20-1": lambda: models.build("resnet20-1", 3, 16, 7, seed=0),
    "convnet-w4": lambda: models.build("convnet-w4", 3, 16, 7, seed=0),
    "lenetzhu": lambda: models.build("lenetzhu", 3, 16, 7, seed=0),
}


@pytest.fixture(params=NETWORKS)
def model(request):
    torch.manual_seed(0)
    return scrambled(NETWORKS[request.param]())


@pytest.fixture
def images():
    stream = torch.Generator().manual_seed(1)
    return torch.randn(COUNT, 3, 16, 16, dtype=torch.float64, generator=stream)


LABELS = torch.tensor([0, 3, 6])


def one_by_one(model, images, factor=1.0, create_graph=False):
    parameters = list(model.parameters())
    each = [
        torch.autograd.grad(
            factor * cross_entropy(model(images[i : i + 1]), LABELS[i : i + 1]),
            parameters,
            create_graph=create_graph,
        )
        for i in range(len(images))
    ]
    return [torch.stack(tensors) for tensors in zip(*each, strict=True)]


def random_like(tensors):
    stream = torch.Generator().manual_seed(2)
    return [torch.randn(t.shape, dtype=t.dtype, generator=stream) for t in tensors]


def test_gradients_equal_those_of_single_images(model, images):
    found = per_image_gradients(model, images, LABELS, factor=0.5)
    expected = one_by_one(model, images, factor=0.5)
    assert [f.shape for f in found] == [(COUNT, *p.shape) for p in model.parameters()]
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=1e-9, atol=1e-12)
    assert not any(f.requires_grad for f in found)


def test_second_derivative_equals_that_of_single_images(model, images):
    directions = random_like(one_by_one(model, images))

    def derivative(gradients, x):
        total = sum((g * d + g**2).sum() for g, d in zip(gradients, directions, strict=True))
        return torch.autograd.grad(total, x)[0]

    x = images.clone().requires_grad_()
    found = derivative(per_image_gradients(model, x, LABELS, create_graph=True), x)
    y = images.clone().requires_grad_()
    expected = derivative(one_by_one(model, y, create_graph=True), y)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)


def test_second_derivative_equals_a_difference_quotient(images):
    torch.manual_seed(0)
    network = scrambled(models.build("lenetzhu", 3, 16, 7))
    target = random_like(per_image_gradients(network, images, LABELS))

    def both(x):
        found = gradient_products(network, x, LABELS, target)
        return (found.dot + found.square).sum()

    x = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(both(x), x)
    way = random_like([images])[0]
    step = 1e-5
    quotient = (both(images + step * way) - both(images - step * way)) / (2 * step)
    torch.testing.assert_close((slope * way).sum(), quotient, rtol=1e-6, atol=0)


def test_products_are_those_of_the_gradients(model, images):
    x = images.clone().requires_grad_()
    target = random_like(per_image_gradients(model, images, LABELS))
    gradients = per_image_gradients(model, x, LABELS, create_graph=True)
    expected = [
        torch.stack([(g * o).flatten(1).sum(1) for g, o in zip(gradients, other, strict=True)], 1)
        for other in (target, gradients)
    ]
    for layout in (target, kernel_last(target)):
        found = gradient_products(model, x, LABELS, layout)
        torch.testing.assert_close(found.dot, expected[0], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(found.square, expected[1], rtol=1e-9, atol=1e-12)
        weights = random_like([found.dot, found.square])

        def pull(pair, weights=weights):
            total = (pair[0] * weights[0] + pair[1] * weights[1]).sum()
            return torch.autograd.grad(total, x, retain_graph=True)[0]

        torch.testing.assert_close(pull(found), pull(expected), rtol=1e-8, atol=1e-12)


def test_products_of_layers_with_few_positions_never_form_the_gradient(images, monkeypatch):
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Conv2d(3, 64, 3, 2, 1), nn.Conv2d(64, 512, 3, 8, 1), nn.Flatten())
    network = scrambled(wide.append(nn.Linear(512, 7)))
    x = images.clone().requires_grad_()
    gradients = per_image_gradients(network, x, LABELS, create_graph=True)
    expected = sum((g**2).sum() for g in gradients)
    (slope,) = torch.autograd.grad(expected, x)
    target = [torch.zeros_like(g) for g in gradients]
    shapes = []
    product = torch.bmm
    monkeypatch.setattr(torch, "bmm", lambda a, b: shapes.append(b.shape) or product(a, b))
    found = gradient_products(network, x, LABELS, target).square.sum()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, x)[0], slope)
    assert (COUNT, 1, 64 * 9) not in shapes


def test_no_gradient_where_none_is_asked_for(images):
    network = scrambled(Residual())
    network.first.weight.requires_grad_(False)
    network.norm.bias.requires_grad_(False)
    found = per_image_gradients(network, images, LABELS)
    trainable = [p for p in network.parameters() if p.requires_grad]
    expected = one_by_one_of(network, images, trainable)
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=1e-9, atol=1e-12)


def one_by_one_of(network, images, parameters):
    losses = [cross_entropy(network(images[i : i + 1]), LABELS[i : i + 1]) for i in range(COUNT)]
    each = [torch.autograd.grad(loss, parameters) for loss in losses]
    return [torch.stack(tensors) for tensors in zip(*each, strict=True)]


def test_labels_may_be_probabilities(model, images):
    soft = torch.nn.functional.one_hot(LABELS, 7).double()
    for f, e in zip(
        per_image_gradients(model, images, soft),
        per_image_gradients(model, images, LABELS),
        strict=True,
    ):
        torch.testing.assert_close(f, e)


def test_an_image_does_not_see_its_neighbours(model, images):
    broken = images.clone()
    broken[1] = torch.nan
    x = broken.requires_grad_()
    gradients = per_image_gradients(model, x, LABELS, create_graph=True)
    total = sum(g.square().flatten(1).sum(1) for g in gradients)
    (slope,) = torch.autograd.grad(total.sum(), x)
    assert torch.isfinite(slope[[0, 2]]).all()
    assert torch.isfinite(total[[0, 2]]).all()
    assert not torch.isfinite(total[1])


def test_training_mode_is_refused(images):
    with pytest.raises(ValueError, match="eval mode"):
        per_image_gradients(Residual().double(), images, LABELS)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("batch", [1, 3])
def test_fold_and_spread_are_adjoint_to_unfold(batch, stride, padding, dilation):
    moves = (stride,) * 2, (padding,) * 2, (dilation,) * 2
    geometry = Geometry(2, (9, 8), (3, 2), *moves, batch)
    stream = torch.Generator().manual_seed(3)
    x = torch.randn(2 * batch, 2, 9, 8, dtype=torch.float64, generator=stream)
    patches = geometry.unfold(x)
    assert patches.shape == (2, batch * geometry.out[0] * geometry.out[1], 12)
    other = torch.randn(patches.shape, dtype=torch.float64, generator=stream)
    torch.testing.assert_close((patches * other).sum(), (x * geometry.fold(other)).sum())
    outer = torch.randn(*patches.shape[:2], 5, dtype=torch.float64, generator=stream)
    weight = torch.randn(2, 5, 12, dtype=torch.float64, generator=stream)
    torch.testing.assert_close(
        geometry.spread(outer, weight), geometry.fold(torch.bmm(outer, weight))
    )
