"""The block runner: every problem by itself, restarts, failures, interruptions."""

import inspect
import math
from dataclasses import replace

import pytest
import torch
from benchmarks import reference
from torch import nn

from reveil import attacks, models
from reveil.attacks import chunking, optimise
from reveil.attacks.objectives import OBJECTIVES
from reveil.attacks.priors import start
from reveil.attacks.settings import Settings
from reveil.batch_gradients import problem_gradients
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.job import State
from reveil.metrics import psnr
from reveil.scene import Shared
from tests.attacked_block import (
    BOX,
    IMAGES,
    LABELS,
    PARAMETERS,
    SHAPE,
    attack,
    network,
    share,
    victim_images,
)

COSINE = OBJECTIVES["cosine"]


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def victims():
    return victim_images()


@pytest.fixture(scope="module")
def shared(model, victims):
    return share(model, victims)


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
    return attack(model, shared, chunk=3, restarts=2, langevin=0.1, trace=True)


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
    same = {"chunk": 3, "restarts": 2, "langevin": 0.1, "trace": True}
    with pytest.raises(Interruption):
        attack(model, shared, state=state, **same)
    assert state.path.exists()
    monkeypatch.undo()
    resumed = attack(model, shared, state=State(tmp_path, {"attack": 1}), **same)
    for name in ("x", "cost", "iterations", "curve"):
        torch.testing.assert_close(getattr(resumed, name), getattr(whole, name), rtol=0, atol=0)
    assert torch.isfinite(whole.extras["cosines"]).all()
    torch.testing.assert_close(resumed.extras, whole.extras, rtol=0, atol=0)
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
    with pytest.raises(ReveilError, match="2 indices for 5 images"):
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
    monkeypatch.setattr(chunking, "MEMBER_BYTES", 3 * 12 * 12 * 27 * 4)
    assert chunking.choose_chunk("auto", single, SHAPE, 16, members=2) == 6
    monkeypatch.setattr(chunking, "MEMBER_BYTES", 1)
    assert chunking.choose_chunk("auto", single, SHAPE, 16, members=2) == 2


def test_batches_are_problems_of_their_own(model, victims):
    """Two gradients of two images each: any chunk, and each gradient by itself."""
    images, labels = IMAGES[:4], LABELS[:4].view(2, 2)
    gradients = problem_gradients(model, victims[:4].unflatten(0, (2, 2)), labels)
    shared = Shared(gradients, labels, SHAPE, BOX, batch=2)
    changes = {"iterations": 8, "langevin": 0.1, "signed": "none"}
    together = attack(model, shared, images, **changes)
    assert together.x.shape == (2, 2, *SHAPE)
    alone = attack(model, shared[torch.tensor([1])], images[2:], chunk=1, **changes)
    torch.testing.assert_close(alone.x, together.x[1:], rtol=1e-7, atol=1e-9)
    # Images start as they do without a batch, whatever is beside them.
    still = attack(model, shared, images, iterations=1, learning_rate=1e-12, boxed=False)
    first = start("randn", images, SHAPE, 0, 0).double()
    torch.testing.assert_close(still.x.flatten(0, 1), first, rtol=0, atol=1e-9)
    with pytest.raises(ReveilError, match="2 indices for 4 images"):
        attack(model, shared, images[:2])


def test_a_trace_has_the_cosine_of_every_tensor_at_every_iteration(model, victims, shared):
    found = attack(model, shared, iterations=3, trace=True)
    cosines = found.extras["cosines"]
    assert cosines.shape == (5, 4, 9)
    assert found.extras["cosine_iterations"].tolist() == [[0, 1, 2, 3]] * 5
    names = [name for name, _ in model.named_parameters()]
    for column, x in ((0, start("randn", IMAGES, SHAPE, 0, 0).double()), (3, found.x)):
        guessed = per_image_gradients(model, x, LABELS)
        for tensor, (name, g) in enumerate(zip(names, guessed, strict=True)):
            expected = nn.functional.cosine_similarity(
                g.flatten(1), shared.gradients[tensor].flatten(1)
            )
            torch.testing.assert_close(
                cosines[:, column, tensor], expected.float(), rtol=1e-5, atol=1e-6, msg=name
            )
    plain = attack(model, shared, iterations=3)
    torch.testing.assert_close(plain.x, found.x, rtol=0, atol=0)
    assert plain.extras == {}


def test_long_attacks_are_traced_where_their_cost_is_kept():
    settings = Settings.of(PARAMETERS | {"iterations": 5000})
    assert settings.traced == list(range(5001))
    settings = Settings.of(PARAMETERS | {"iterations": 24000})
    assert settings.traced == settings.recorded == list(range(0, 24001, 240))
