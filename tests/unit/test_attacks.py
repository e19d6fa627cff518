import inspect
import math
from dataclasses import replace

import pytest
import torch
from benchmarks import reference
from torch import nn

from reveil import attacks, models
from reveil.attacks import chunking, optimise
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import start, total_variation
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.job import State
from reveil.metrics import psnr
from reveil.scene import Shared

SHAPE = (3, 12, 12)
IMAGES = (7, 3, 11, 2, 5)
LABELS = torch.tensor([0, 1, 2, 3, 4])
BOX = tuple(torch.full((1, 3, 1, 1), value, dtype=torch.float64) for value in (-1.5, 1.5))
PARAMETERS = {
    "method": "optimise",
    "optimizer": "adam",
    "learning_rate": 0.1,
    "objective": "cosine",
    "objective_weight": 1.0,
    "signed": "hard",
    "boxed": True,
    "total_variation": 1e-4,
    "tv_form": "plain",
    "bn_statistics": 0.0,
    "features": 0.0,
    "image_norm": 0.0,
    "langevin": 0.0,
    "init": "randn",
    "restarts": 1,
    "iterations": 20,
    "decay": "step",
    "warmup": 0,
    "reduction": "sum",
    "label": "known",
    "trace": False,
}
COSINE = OBJECTIVES["cosine"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(108, 7),
    )
    for norm in (network[1], network[4]):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.fill_(0.2)
    return network.double().eval()


@pytest.fixture(scope="module")
def victims():
    return 0.5 * start("randn", IMAGES, SHAPE, 0, 0, purpose="victim").double()


@pytest.fixture(scope="module")
def shared(model, victims):
    return Shared(per_image_gradients(model, victims, LABELS), LABELS, SHAPE, BOX)


def attack(model, shared, images=IMAGES, seed=0, chunk="auto", state=None, factor=1.0, **changes):
    return attacks.reconstruct(
        model,
        shared,
        PARAMETERS | changes,
        images,
        seed,
        chunk=chunk,
        state=state,
        dtype=torch.float64,
        loss_factor=factor,
    )


@pytest.mark.parametrize("signed", ["hard", "none"])
def test_a_block_equals_the_published_loop_over_single_images(signed, model, victims, shared):
    found = attack(model, shared, signed=signed)
    starts = start("randn", IMAGES, SHAPE, 0, 0).double()
    for i in range(len(IMAGES)):
        target = reference.shared_gradient(model, victims[i : i + 1], LABELS[i : i + 1])
        x, costs = reference.attack_image(
            model,
            target,
            LABELS[i : i + 1],
            starts[i : i + 1],
            BOX,
            PARAMETERS["iterations"],
            signed=signed == "hard",
        )
        torch.testing.assert_close(found.x[i : i + 1], x, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(found.curve[i], torch.tensor(costs), rtol=1e-5, atol=1e-6)
    assert found.status == ["ok"] * len(IMAGES)
    assert found.curve_iterations.tolist() == [*range(20), 20]
    torch.testing.assert_close(found.cost.float(), found.curve[:, -1])


@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_the_size_of_chunk_and_block_changes_no_row(chunk, model, shared):
    whole = attack(model, shared, chunk=len(IMAGES))
    pieces = attack(model, shared, chunk=chunk)
    rows = torch.tensor([3, 1])
    part = attack(model, shared[rows], images=[IMAGES[i] for i in rows], chunk=chunk)
    torch.testing.assert_close(pieces.x, whole.x, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(pieces.cost, whole.cost, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(part.x, whole.x[rows], rtol=1e-7, atol=1e-9)


def test_the_model_of_the_caller_is_left_alone(model, shared):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layout = [p.stride() for p in model.parameters()]
    attacks.reconstruct(model, shared, PARAMETERS | {"iterations": 2}, IMAGES, 0)
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == before[name].dtype
        torch.testing.assert_close(tensor, before[name])
    assert [p.stride() for p in model.parameters()] == layout
    assert all(p.grad is None for p in model.parameters())


def test_the_attacker_sees_no_image():
    sees = inspect.signature(attacks.reconstruct).parameters
    assert list(sees)[:2] == ["model", "shared"]
    assert sees["shared"].annotation is Shared
    for module in (attacks, optimise):
        assert "Victims" not in inspect.getsource(module).replace(":class:`Victims`", "")
    assert set(inspect.signature(attacks.METHODS["optimise"]).parameters) <= set(sees)


def test_milestones_are_those_of_the_papers():
    for length, marks in ((4800, (1799, 2999, 4203)), (2500, (937, 1562, 2189))):
        settings = Settings.of(PARAMETERS | {"iterations": length})
        for i, mark in enumerate(marks):
            assert settings.rate(mark - 1) == pytest.approx(0.1 * 0.1**i)
            assert settings.rate(mark) == pytest.approx(0.1 * 0.1 ** (i + 1))
        steady = Settings.of(PARAMETERS | {"iterations": length, "decay": "none"})
        assert steady.rate(length - 1) == 0.1


def test_adam_equals_that_of_the_library_for_each_image():
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(3, *SHAPE, dtype=torch.float64, generator=stream)
    alone = [x[i].clone().requires_grad_() for i in range(3)]
    optimizers = [torch.optim.Adam([each], lr=0.1) for each in alone]
    state = OPTIMIZERS["adam"].start(x)
    for iteration in range(6):
        gradient = torch.randn(x.shape, dtype=x.dtype, generator=stream) * 10.0 ** (-iteration)
        OPTIMIZERS["adam"].step(x, gradient, state, iteration, 0.1)
        for i, optimizer in enumerate(optimizers):
            alone[i].grad = gradient[i].clone()
            optimizer.step()
    torch.testing.assert_close(x, torch.stack(alone).detach(), rtol=1e-12, atol=1e-14)


def test_total_variation_by_hand():
    image = torch.tensor([[[[0.0, 1.0, 3.0], [0.0, 1.0, 0.0]]]])
    doubled = torch.cat([image, 2 * image])
    # Horizontal differences 1, 2, 1, 1: mean 1.25; vertical 0, 0, 3: mean 1.
    assert total_variation(doubled).tolist() == [2.25, 4.5]


def test_starts_depend_on_the_image_and_the_restart_alone():
    whole = start("randn", IMAGES, SHAPE, 0, 0)
    torch.testing.assert_close(start("randn", IMAGES[2:3], SHAPE, 0, 0), whole[2:3])
    for other in (start("randn", IMAGES, SHAPE, 0, 1), start("randn", IMAGES, SHAPE, 1, 0)):
        assert (other != whole).any()
    assert start("zeros", IMAGES, SHAPE, 0, 0).abs().max() == 0
    uniform = start("rand", IMAGES, SHAPE, 0, 0)
    assert -1 <= uniform.min() < -0.9
    assert 0.9 < uniform.max() <= 1


class Line(nn.Module):
    """Gradients that can be written down: equal logits, whatever the image."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(x.flatten(1))


@pytest.mark.parametrize(
    ("objective", "reduction", "expected"),
    [
        # Of the image (3, 4) and label 0 the error is (-1/2, 1/2): the gradients are
        # W: ((-1.5, -2), (1.5, 2)) and b: (-0.5, 0.5). The targets are W: ((-1.5, 0), (0, 2)) and
        # b: (-0.5, 0).
        ("l1", "sum", 3.5 + 0.5),
        ("l1", "mean", 2.0),
        ("l2", "sum", 6.25 + 0.25),
        ("l2", "mean", 3.25),
        ("cosine", "sum", 1 - 6.5 / math.sqrt(13.0 * 6.5)),
        ("simlocal", "sum", 1 - (6.25 / math.sqrt(12.5 * 6.25) + 0.25 / math.sqrt(0.125)) / 2),
        # Rows of W: 2.25 / (2.5 * 1.5) and 4 / (2.5 * 2), and b as above.
        ("out_sim", "sum", 1 - (0.6 + 0.8 + math.sqrt(0.5)) / 3),
    ],
)
def test_objectives_by_hand(objective, reduction, expected):
    x = torch.tensor([3.0, 4.0], dtype=torch.float64).view(1, 1, 1, 2)
    wanted = [
        torch.tensor([[[-1.5, 0.0], [0.0, 2.0]]], dtype=torch.float64),
        torch.tensor([[-0.5, 0.0]], dtype=torch.float64),
    ]
    network = Line().double().eval()
    target = Target.of(wanted, reduction=reduction)
    assert OBJECTIVES[objective](network, x, torch.tensor([0]), target).tolist() == pytest.approx(
        [expected]
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_vanish_at_the_victim_and_can_be_differentiated(
    objective, model, victims, shared
):
    target = Target.of(shared.gradients)
    cost = OBJECTIVES[objective](model, victims, LABELS, target)
    assert not cost.requires_grad
    torch.testing.assert_close(cost, torch.zeros_like(cost), rtol=0, atol=1e-10)
    x = (victims + 0.1).requires_grad_()
    cost = OBJECTIVES[objective](model, x, LABELS, target)
    assert (cost > 1e-4).all()
    (slope,) = torch.autograd.grad(cost.sum(), x)
    way = torch.ones_like(x) * 1e-6
    moved = OBJECTIVES[objective](model, x.detach() + way, LABELS, target) - cost.detach()
    torch.testing.assert_close(moved, (slope * way).flatten(1).sum(1), rtol=1e-3, atol=1e-12)


def test_the_cosine_does_not_see_the_scale_of_the_loss(model, shared):
    halved = replace(shared, gradients=[0.5 * g for g in shared.gradients])
    plain, scaled = attack(model, shared), attack(model, halved)
    believed = attack(model, shared, factor=0.5)
    torch.testing.assert_close(scaled.x, plain.x, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(believed.x, plain.x, rtol=1e-7, atol=1e-9)


def test_a_distance_sees_the_scale_of_the_loss_unless_the_attacker_knows_it(model, shared):
    halved = replace(shared, gradients=[0.5 * g for g in shared.gradients])
    same = {"objective": "l2", "total_variation": 0.0}
    plain, scaled = attack(model, shared, **same), attack(model, halved, **same)
    assert (plain.x - scaled.x).abs().max() > 1e-3
    right = attack(model, halved, factor=0.5, **same)
    torch.testing.assert_close(right.x, plain.x, rtol=1e-6, atol=1e-8)


def test_guesses_stay_in_the_box_only_if_boxed(model, shared):
    fast = {"learning_rate": 1.0, "decay": "none"}
    assert attack(model, shared, **fast).x.abs().max() == 1.5
    assert attack(model, shared, boxed=False, **fast).x.abs().max() > 1.5


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_an_image_that_fails_spares_its_neighbours(broken, model, shared):
    gradients = [g.clone() for g in shared.gradients]
    gradients[0][1] = broken
    found = attack(model, replace(shared, gradients=gradients))
    plain = attack(model, shared)
    others = [0, 2, 3, 4]
    assert [found.status[i] for i in others] == ["ok"] * 4
    torch.testing.assert_close(found.x[others], plain.x[others], rtol=1e-7, atol=1e-9)
    assert found.status[1] == "failed"
    assert "not finite" in found.reason[1]
    assert found.iterations[1] == 0
    assert math.isnan(found.cost[1])
    assert torch.isfinite(found.x).all()


def test_an_image_that_fails_on_the_way_keeps_its_last_finite_guess(model, shared, monkeypatch):
    calls = iter(range(100))

    def failing(*arguments):
        cost = COSINE(*arguments)
        broken = torch.zeros(len(cost), dtype=cost.dtype)
        broken[2] = math.nan if next(calls) >= 6 else 0.0
        return cost + broken

    monkeypatch.setitem(OBJECTIVES, "cosine", failing)
    found = attack(model, shared, decay="none")
    monkeypatch.undo()
    shorter = attack(model, shared, decay="none", iterations=6)
    assert found.status == ["ok", "ok", "failed", "ok", "ok"]
    assert found.iterations.tolist() == [20, 20, 6, 20, 20]
    assert found.reason[2].endswith("iteration 6")
    torch.testing.assert_close(found.x[2], shorter.x[2], rtol=1e-7, atol=1e-9)


def test_restarts_keep_the_lowest_final_cost_of_each_image(model, shared):
    single = [from_restart(model, shared, restart) for restart in range(3)]
    costs = torch.stack([s.cost for s in single])
    best = attack(model, shared, restarts=3)
    torch.testing.assert_close(best.cost, costs.amin(0), rtol=1e-7, atol=1e-9)
    winner = costs.argmin(0)
    assert len(set(winner.tolist())) > 1
    for i, restart in enumerate(winner):
        torch.testing.assert_close(best.x[i], single[restart].x[i], rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(best.curve[i], single[restart].curve[i], rtol=1e-4, atol=1e-6)


def from_restart(model, shared, restart):
    """Run one restart alone."""
    patched = optimise.start
    optimise.start = lambda init, images, shape, seed, _: patched(
        init, images, shape, seed, restart
    )
    try:
        return attack(model, shared)
    finally:
        optimise.start = patched


class Interruption(Exception):  # noqa: N818 - it stands for a kill
    pass


@pytest.fixture(scope="module")
def whole(model, shared):
    return attack(model, shared, chunk=3, restarts=2)


# Of 2 chunks x 2 restarts x (20 iterations and a final cost): in the first restart, between the
# restarts, and in the second chunk.
@pytest.mark.parametrize("stop", [13, 21, 55])
def test_a_resumed_attack_ends_as_an_uninterrupted_one_to_the_bit(
    stop, whole, model, shared, tmp_path, monkeypatch
):
    steps = iter(range(1000))

    def count(*arguments):
        if next(steps) == stop:
            raise Interruption
        return COSINE(*arguments)

    state = State(tmp_path, {"attack": 1}, interval=0.0)
    monkeypatch.setitem(OBJECTIVES, "cosine", count)
    with pytest.raises(Interruption):
        attack(model, shared, chunk=3, restarts=2, state=state)
    assert state.path.exists()
    monkeypatch.undo()
    resumed = attack(model, shared, chunk=3, restarts=2, state=State(tmp_path, {"attack": 1}))
    for name in ("x", "cost", "iterations", "curve"):
        torch.testing.assert_close(getattr(resumed, name), getattr(whole, name), rtol=0, atol=0)
    assert (resumed.seconds > 0).all()


def test_a_resumed_attack_takes_no_step_twice(model, shared, tmp_path, monkeypatch):
    state = State(tmp_path, {}, interval=0.0)
    attack(model, shared, state=state)
    calls = []
    monkeypatch.setitem(OBJECTIVES, "cosine", lambda *arguments: calls.append(1))
    attack(model, shared, state=State(tmp_path, {}))
    assert calls == []


def test_unsigned_matching_recovers_a_smooth_image_from_a_random_network():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 1, 16)
    smooth = torch.cat([ramp, ramp.flip(3), ramp * 0.5], 1).expand(1, 3, 16, 16)
    network = models.build("lenetzhu", 3, 16, 7, seed=0).eval()
    label = torch.tensor([2])
    box = tuple(torch.full((1, 3, 1, 1), value) for value in (-2.0, 2.0))
    target = Shared(per_image_gradients(network, smooth, label), label, (3, 16, 16), box)
    changes = {"signed": "none", "total_variation": 1e-2, "iterations": 250}
    found = attacks.reconstruct(network, target, PARAMETERS | changes, (0,), 0)
    untouched = start("randn", (0,), (3, 16, 16), 0, 0).clamp(-2, 2)
    floor = psnr(untouched / 4, smooth / 4).item()
    assert psnr(found.x / 4, smooth / 4).item() > floor + 6
    assert found.cost.item() < 0.1 * found.curve[0, 0].item()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "optimize"}, "did you mean 'optimise'"),
        ({"objective": "cosin"}, "did you mean 'cosine'"),
        ({"signed": "soft-hard"}, "allowed: hard, soft, none"),
        ({"init": "random"}, "allowed: randn, rand, zeros"),
        ({"iterations": 0}, "iterations: 0 is not allowed"),
    ],
)
def test_a_wrong_parameter_is_named(changes, message, model, shared):
    with pytest.raises(ReveilError, match=message):
        attack(model, shared, **changes)


def test_every_victim_needs_an_index(model, shared):
    with pytest.raises(ReveilError, match="2 indices for 5 victims"):
        attack(model, shared, images=(1, 2))


def test_the_automatic_chunk_follows_the_patches(model, monkeypatch):
    single = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten())
    assert chunking.patch_bytes(single, SHAPE) == 12 * 12 * 27 * 4
    monkeypatch.setattr(chunking, "CPU_BYTES", 3 * 12 * 12 * 27 * 4)
    assert chunking.choose_chunk("auto", single, SHAPE, 16) == 3
    assert chunking.choose_chunk("auto", single, SHAPE, 2) == 2
    monkeypatch.setattr(chunking, "CPU_BYTES", 1)
    assert chunking.choose_chunk("auto", single, SHAPE, 16) == 1
    assert chunking.choose_chunk(5, single, SHAPE, 16) == 5
