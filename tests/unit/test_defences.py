"""What each defence makes of a gradient, by hand and by its distribution, and its names."""

import math
import os
import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from reveil import defence_names
from reveil.defences import apply
from reveil.errors import ReveilError

FIRST = torch.tensor([[0.1, -0.4, 0.2, -0.3, 0.5], [5.0, 4.0, -3.0, 2.0, -1.0]])
SECOND = torch.tensor([[[10.0, -0.05]], [[0.5, 0.25]]])


def defend(name: str, *gradients: Tensor, streams=None, seed=0, purpose="defence") -> list[Tensor]:
    streams = range(len(gradients[0])) if streams is None else streams
    return apply(defence_names.parse(name), gradients, streams, seed, purpose)


# Pruning ----------------------------------------------------------------------------------------


def test_pruning_is_of_each_tensor():
    """Of 5 entries floor(2.5) go, and of 2 entries 1."""
    first, second = defend("prune-50", FIRST, SECOND)
    assert torch.equal(
        first, torch.tensor([[0.0, -0.4, 0.0, -0.3, 0.5], [5.0, 4.0, -3.0, 0.0, 0.0]])
    )
    assert torch.equal(second, torch.tensor([[[10.0, 0.0]], [[0.5, 0.0]]]))


def test_global_pruning_is_of_the_whole_gradient():
    """Of 7 entries floor(3.5) = 3 go: 0.05, 0.1, 0.2 of the first; 0.25, 0.5, 1 of the second."""
    first, second = defend("prune-global-50", FIRST, SECOND)
    assert torch.equal(
        first, torch.tensor([[0.0, -0.4, 0.0, -0.3, 0.5], [5.0, 4.0, -3.0, 2.0, 0.0]])
    )
    assert torch.equal(second, torch.tensor([[[10.0, 0.0]], [[0.0, 0.0]]]))


@pytest.mark.parametrize("name", ["prune-60", "prune-global-60"])
def test_of_equal_magnitudes_the_first_are_pruned(name):
    equal = torch.tensor([[1.0, -1.0, 2.0, 1.0, -1.0], [0.0, 3.0, 3.0, -3.0, 3.0]])
    (pruned,) = defend(name, equal)
    assert pruned.tolist() == [[0, 0, 2, 0, -1], [0, 0, 0, -3, 3]]


@pytest.mark.parametrize(
    ("name", "count", "kept"),
    [
        ("prune-70", 10, 3),
        ("prune-99", 50, 1),
        ("prune-99", 1, 1),
        ("prune-10", 9, 9),
        ("prune-99p9", 3000, 3),
        ("prune-0p1", 1000, 999),
    ],
)
def test_the_floor_of_the_share_is_pruned(name, count, kept):
    gradient = torch.arange(1.0, count + 1).flip(0)[None]
    (pruned,) = defend(name, gradient)
    assert int((pruned != 0).sum()) == kept
    assert torch.equal(pruned[:, :kept], gradient[:, :kept])


def test_pruning_equals_a_sort():
    gradient = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    (pruned,) = defend("prune-70", gradient)
    for row, left in zip(gradient.flatten(1), pruned.flatten(1), strict=True):
        expected = row.clone()
        expected[row.abs().argsort()[: math.floor(0.7 * 120)]] = 0
        assert torch.equal(left, expected)


def test_the_memory_layout_stays():
    gradient = torch.randn(2, 3, 4, 5).permute(0, 2, 3, 1)
    for name in ("prune-50", "prune-global-50"):
        assert defend(name, gradient)[0].stride() == gradient.stride()


# Noise ------------------------------------------------------------------------------------------

MANY = (torch.zeros(2, 100_000), torch.zeros(2, 200, 500))


@pytest.mark.parametrize(
    ("name", "std", "size", "kurtosis"),
    [
        ("gaussian-1e-3", 1e-3, 1e-3 * math.sqrt(2 / math.pi), 3.0),
        ("gaussian-2p5e0", 2.5, 2.5 * math.sqrt(2 / math.pi), 3.0),
        ("laplacian-1e-2", math.sqrt(2) * 1e-2, 1e-2, 6.0),
    ],
)
def test_noise_has_the_distribution_of_its_name(name, std, size, kurtosis):
    noise = torch.cat([n.flatten() for n in defend(name, *MANY)]).double()
    count = noise.numel()
    assert noise.mean().item() == pytest.approx(0, abs=4 * std / math.sqrt(count))
    assert noise.std().item() == pytest.approx(std, rel=0.01)
    assert noise.abs().mean().item() == pytest.approx(size, rel=0.01)
    assert (noise**4).mean().item() / std**4 == pytest.approx(kurtosis, rel=0.05)
    assert noise.isfinite().all()


def test_noise_is_added():
    zero = defend("laplacian-1e-1", torch.zeros_like(FIRST), torch.zeros_like(SECOND))
    full = defend("laplacian-1e-1", FIRST, SECOND)
    for noise, noisy, clean in zip(zero, full, (FIRST, SECOND), strict=True):
        torch.testing.assert_close(noisy, clean + noise)


def test_relative_noise_is_in_proportion_to_the_norm_of_the_whole_gradient():
    """Norm 5 and 10 over 4 entries: 0.1 x 5 / 2 and 0.1 x 10 / 2 times the same standard noise."""
    first = torch.tensor([[3.0, 0.0], [0.0, 6.0]])
    second = torch.tensor([[0.0, 4.0], [8.0, 0.0]])
    relative = defend("gaussian-rel-1e-1", first, second, streams=[7, 7])
    standard = defend("gaussian-1e0", torch.zeros(2, 2), torch.zeros(2, 2), streams=[7, 7])
    for noisy, clean, noise in zip(relative, (first, second), standard, strict=True):
        torch.testing.assert_close(noisy - clean, torch.tensor([[0.25], [0.5]]) * noise)


@pytest.mark.parametrize("name", ["gaussian-1e-1", "gaussian-rel-1e-1", "laplacian-1e-1"])
def test_the_noise_of_a_gradient_is_its_streams(name):
    both = defend(name, FIRST, SECOND, streams=[3, (4, 0)])
    alone = defend(name, FIRST[1:], SECOND[1:], streams=[(4, 0)])
    for together, single in zip(both, alone, strict=True):
        assert torch.equal(together[1:], single)
    others = [{"streams": [4, 5]}, {"seed": 1}, {"purpose": "training"}]
    noises = [defend(name, FIRST, **other)[0] for other in ({"streams": [3, 5]}, *others)]
    assert len({tuple(noise.flatten().tolist()) for noise in noises}) == 4
    assert not torch.equal(both[0][0] - FIRST[0], both[0][1] - FIRST[1])


@pytest.mark.parametrize("name", ["none", "prune-50", "prune-global-50", "gaussian-rel-1e-1"])
def test_what_is_given_stays_as_it_is(name):
    first, second = FIRST.double(), SECOND.double()
    defended = defend(name, first, second)
    assert torch.equal(first, FIRST.double())
    assert torch.equal(second, SECOND.double())
    assert [d.dtype for d in defended] == [torch.float64] * 2
    assert (name == "none") == torch.equal(defended[0], first)


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("none", "none", Fraction(0)),
        ("prune-70", "prune", Fraction(70)),
        ("prune-99p9", "prune", Fraction(999, 10)),
        ("prune-global-95", "prune-global", Fraction(95)),
        ("gaussian-1e-3", "gaussian", Fraction(1, 1000)),
        ("gaussian-rel-2p5e-1", "gaussian-rel", Fraction(1, 4)),
        ("laplacian-1e1", "laplacian", Fraction(10)),
        ("laplacian-5e0", "laplacian", Fraction(5)),
    ],
)
def test_names(name, kind, value):
    defence = defence_names.parse(name)
    assert (defence.kind, defence.value, defence.name) == (kind, value, name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("prune-0", "0 in 'prune-0' is not allowed; allowed: above 0 and below 100"),
        ("prune-global-100", "100 in 'prune-global-100' is not allowed; allowed: above 0 and"),
        ("gaussian-0e0", "0e0 in 'gaussian-0e0' is not allowed; allowed: above 0, up to 10"),
        ("laplacian-2e1", "2e1 in 'laplacian-2e1' is not allowed; allowed: above 0, up to 10"),
        ("gaussian-0.001", "did you mean 'gaussian-1e-3'?"),
        ("gaussian-rel-10e-2", "did you mean 'gaussian-rel-1e-1'?"),
        ("prune-70p0", "did you mean 'prune-70'?"),
        ("prun-70", "did you mean 'prune-70'?"),
        ("laplace-1e-3", "did you mean 'laplacian-1e-3'?"),
        ("prune", "allowed: none, prune-{p}, prune-global-{p}"),
        ("gaussian--1e-3", "allowed: none, prune-{p}"),
        ("gaussian-1e-3\n", "allowed: none, prune-{p}"),
        ("", "allowed: none, prune-{p}"),
    ],
)
def test_bad_names_say_what_is_meant(name, problem):
    with pytest.raises(ReveilError) as caught:
        defence_names.parse(name)
    assert problem in str(caught.value)


def test_planning_does_not_import_torch():
    code = "import sys, reveil.defence_names; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
