"""Convolutions as compiled products: the maps, the products, and that no result changes."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
from benchmarks import reference
from torch.nn.functional import conv2d

from reveil import convolutions, models
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.priors import start
from reveil.attacks.run import PASSES
from reveil.batch_gradients import problem_gradients
from reveil.convolutions import maps, plain, points, products, serving
from reveil.patches import Geometry
from tests import attacked_block as block

pytest.importorskip("numba")
SIZES = [(8, 8), (4, 5), (7, 10), (13, 4)]


def normal(*shape, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=stream)


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def kinds(size, batch=1):
    same = Geometry(32, size, (3, 3), (1, 1), (1, 1), (1, 1), batch)
    strided = Geometry(32, size, (3, 3), (2, 2), (1, 1), (1, 1), batch)
    short = Geometry(32, size, (1, 1), (2, 2), (0, 0), (1, 1), batch)
    dilated = Geometry(32, size, (2, 3), (1, 1), (2, 0), (2, 1), batch)
    return [
        maps.PointMaps(same),
        *(maps.PatchMaps(geometry, True) for geometry in (same, strided, short, dilated)),
    ]


def matrices(kind, weight):
    rows = weight.permute(0, 2, 3, 1).flatten(1).contiguous()
    return points.kernel_points(rows) if isinstance(kind, maps.PointMaps) else rows[None]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("outputs", [32, 48, 64])
def test_a_convolution_by_products_equals_the_librarys(size, outputs):
    x = channels_last(normal(3, 32, *size))
    for kind in kinds(size):
        weight = normal(outputs, 32, *kind.geometry.kernel, seed=1)
        shared = products.Shared.of(matrices(kind, weight))
        found = kind.to_output(products.times_shared(kind.of_input(x), shared.onward))
        torch.testing.assert_close(found, kind.geometry.convolve(x, weight))
        grad = channels_last(torch.randn_like(found))
        back = kind.to_input(products.times_shared(kind.of_output(grad), shared.back))
        torch.testing.assert_close(back, kind.geometry.data_gradient(grad, weight))


@pytest.mark.parametrize("size", SIZES)
def test_maps_and_their_adjoints_give_the_same_inner_products(size):
    x = channels_last(normal(2, 32, *size))
    for kind in kinds(size):
        entered = kind.of_input(x)
        other = torch.randn_like(entered)
        torch.testing.assert_close((entered * other).sum(), (x * kind.to_input(other)).sum())
        left = normal(*entered.shape[:2], 48, seed=2)
        y = kind.to_output(left)
        grad = channels_last(torch.randn_like(y))
        torch.testing.assert_close((y * grad).sum(), (left * kind.of_output(grad)).sum())


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_weights_of_single_problems(size, batch):
    x = channels_last(normal(4, 32, *size))
    problems = 4 // batch
    for kind in kinds(size, batch):
        geometry = kind.geometry
        grad = channels_last(normal(4, 48, *geometry.out, seed=3))
        entered, left = kind.of_input(x), kind.of_output(grad)
        own = normal(problems, 48, geometry.channels * geometry.kernel[0] * geometry.kernel[1])
        found = kind.gradients(left, entered)
        onward = torch.zeros_like(left)
        back = kind.to_input(kind.pull_back(own, left, entered, onward))
        for problem in range(problems):
            rows = slice(problem * batch, (problem + 1) * batch)
            weight = own[problem].view(48, *geometry.kernel, -1).permute(0, 3, 1, 2)
            weight = weight.clone().requires_grad_()
            y = geometry.convolve(x[rows], weight)
            (wanted,) = torch.autograd.grad(y, weight, grad[rows])
            shaped = found[problem].view(48, *geometry.kernel, -1).permute(0, 3, 1, 2)
            torch.testing.assert_close(shaped, wanted)
            torch.testing.assert_close(kind.to_output(onward)[rows], y.detach())
            torch.testing.assert_close(back[rows], geometry.data_gradient(grad[rows], weight))


@pytest.mark.parametrize(("rows", "depth", "columns"), [(1, 16, 16), (7, 48, 80), (130, 64, 192)])
def test_products_of_any_size(rows, depth, columns):
    left, right = normal(3, rows, depth), normal(3, depth, columns, seed=1)
    torch.testing.assert_close(products.products(left, right), torch.bmm(left, right))
    turned = left.mT.contiguous().mT
    torch.testing.assert_close(products.products(turned, right), torch.bmm(left, right))
    out = normal(3, rows, columns, seed=2)
    wanted = torch.baddbmm(out, left, right)
    products.add_transposed(out, left, right.mT.contiguous())
    torch.testing.assert_close(out, wanted)


def test_products_of_layers_with_few_positions():
    patches, target, left = (
        normal(2, 16, 320),
        normal(2, 48, 320, seed=1),
        normal(2, 16, 48, seed=2),
    )
    toward, itself = products.few_positions(patches, target, left)
    gram = patches @ patches.mT
    torch.testing.assert_close(toward, (patches @ target.mT).mT)
    torch.testing.assert_close(itself, (gram @ left).mT)
    back = products.few_positions_back(left, target, gram, patches)
    torch.testing.assert_close(back, left @ target + gram @ patches)


def costs_and_gradients(model, x, labels, target, *, serves):
    found = []
    with serving.serving(serves):
        for objective in (OBJECTIVES["cosine"], OBJECTIVES["l2"]):
            guess = x.clone().requires_grad_()
            cost = objective(model, guess, labels, target)
            found += [cost.detach(), *torch.autograd.grad(cost.sum(), guess)]
    return found


@pytest.mark.parametrize("name", ["resnet20-2", "convnet-w32"])
@pytest.mark.parametrize(
    ("shape", "bn_mode"), [((3,), "eval"), ((2, 2), "eval"), ((2, 2), "train")]
)
def test_costs_and_their_derivatives_are_those_of_the_librarys_layers(name, shape, bn_mode):
    model = models.build(name, 3, 16, 7, seed=0).double().eval()
    x, victims = normal(*shape, 3, 16, 16), normal(*shape, 3, 16, 16, seed=1)
    labels = torch.arange(x[..., 0, 0, 0].numel()).view(shape) % 7
    shared = problem_gradients(model, victims, labels, bn_mode=bn_mode)
    target = Target.of(shared, bn_mode=bn_mode)
    theirs = costs_and_gradients(model, x, labels, target, serves=False)
    ours = costs_and_gradients(model, x, labels, target, serves=True)
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    with serving.serving(True):
        again = problem_gradients(model, victims, labels, bn_mode=bn_mode)
    torch.testing.assert_close(again, shared)


def test_float32_loses_a_digit_at_most():
    x, weight = normal(4, 64, 16, 16), normal(64, 64, 3, 3, seed=1)
    exact = conv2d(x, weight, padding=1)
    kind = kinds((16, 16))[0]
    shared = products.Shared.of(matrices(kind, weight.float()))
    found = kind.to_output(
        products.times_shared(kind.of_input(channels_last(x.float())), shared.onward)
    )
    direct = conv2d(x.float(), weight.float(), padding=1)
    errors = [(y - exact).norm() / exact.norm() for y in (found, direct)]
    assert errors[0] < 1e-5
    assert errors[0] < 30 * errors[1]


def taken(model, shape=(2, 3, 16, 16), dtype=torch.float64):
    """Return whether compiled products took part in a pass."""
    used = []
    original = products.times_shared

    def watched(*arguments):
        used.append(True)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolutions.convolve, "times_shared", watched)
        problem_gradients(
            model.to(dtype), normal(*shape).to(dtype), torch.zeros(2, dtype=torch.int64)
        )
    return bool(used)


def test_they_serve_where_asked_and_possible(monkeypatch):
    model = models.build("resnet20-2", 3, 16, 7, seed=0).eval()
    assert not taken(model)
    with serving.serving(True):
        assert taken(model)
        assert not taken(model, dtype=torch.bfloat16)
        assert not taken(models.build("lenetzhu", 3, 16, 7, seed=0).eval())
    with serving.serving(False):
        assert not taken(model)
    monkeypatch.setattr(serving, "_has_numba", lambda: False)
    with serving.serving(True):
        assert not taken(model)


@pytest.mark.parametrize(
    "changes",
    [{}, {"stride": 2}, {"dilation": 2}, {"padding": 0}, {"padding": (1, 2)}, {"kernel_size": 1}],
    ids=str,
)
def test_a_layer_that_is_served_equals_the_librarys(changes):
    layer = torch.nn.Conv2d(32, 48, **{"kernel_size": 3, "padding": 1, "bias": False} | changes)
    layer.double()
    # Points serve the first size alone, with the same weight.
    for size in (8, 3):
        x = channels_last(normal(2, 32, size, size)).requires_grad_()
        with serving.serving(True), plain.PlainConvolutions():
            y = layer(x)
        assert type(y.grad_fn).__name__ == "_ConvolveBackward"
        torch.testing.assert_close(y, layer(x))


@pytest.fixture
def paying(monkeypatch):
    """Let them serve in every attack."""
    monkeypatch.setattr(serving, "LOADING_PAYS", 0)


@pytest.fixture(scope="module")
def attacked():
    model = models.build("resnet20-2", *block.SHAPE[:2], 7, seed=0).double().eval()
    victims = block.victim_images()
    return model, victims, block.share(model, victims)


def test_an_attack_with_them_goes_the_way_of_the_published_loop(attacked, paying):
    model, victims, shared = attacked
    found = block.attack(model, shared)
    starts = start("randn", block.IMAGES, block.SHAPE, 0, 0).double()
    for i in (0, 3):
        one = slice(i, i + 1)
        target = reference.shared_gradient(model, victims[one], block.LABELS[one])
        iterations = block.PARAMETERS["iterations"]
        begin = block.LABELS[one], starts[one], block.BOX, iterations
        x, costs = reference.attack_image(model, target, *begin)
        torch.testing.assert_close(found.x[one], x, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(found.curve[i], torch.tensor(costs), rtol=1e-5, atol=1e-6)


def test_whether_they_serve_follows_from_the_work_of_the_whole_block(attacked, monkeypatch):
    asked = []
    original = serving.serving
    monkeypatch.setattr(serving, "serving", lambda wanted: asked.append(wanted) or original(wanted))
    model, _, shared = attacked
    each = PASSES * serving.multiply_adds(model, block.SHAPE) * len(block.IMAGES)
    for iterations in (2, 3):
        monkeypatch.setattr(serving, "LOADING_PAYS", 3 * each)
        block.attack(model, shared, iterations=iterations)
    block.attack(model, shared[torch.tensor([0])], images=[7], iterations=3)
    assert asked == [False, True, False]


def test_multiply_adds_are_those_of_wide_layers():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 64, 3, padding=1),
        torch.nn.Conv2d(64, 32, 3, stride=2, padding=1),
        torch.nn.Conv2d(32, 16, 1),
    )
    assert serving.multiply_adds(model, (3, 8, 8)) == 64 * 32 * 9 * 4 * 4


def test_a_changed_weight_is_prepared_again():
    weight = normal(32, 32, 3, 3).requires_grad_()
    kind = kinds((8, 8))[0]
    first = serving.shared(weight, kind)
    assert serving.shared(weight, kind) is first
    with torch.no_grad():
        weight.mul_(2)
    torch.testing.assert_close(serving.shared(weight, kind).onward, 2 * first.onward)
    # As a module does that is taken to another type.
    weight.data = weight.data.float()
    assert serving.shared(weight, kind).onward.dtype == torch.float32
    weight.data = 3 * weight.data
    torch.testing.assert_close(serving.shared(weight, kind).onward, 6 * first.onward.float())


def test_what_is_compiled_together_is_renewed_together():
    folder = Path(convolutions.__file__).parent
    files = [folder / name for name in ("kernels.py", "multiply.py")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stated = re.search(r'^DIGEST = "(\w*)"$', (folder / "apart.py").read_text(), re.MULTILINE)
    assert stated is not None
    assert stated.group(1) == digest, f'write DIGEST = "{digest}" in {folder / "apart.py"}'
