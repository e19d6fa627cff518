"""Angles without learning: arithmetic on the circle, and the three attacks of section 6.3."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from reveil.cvnn.attackers import blind, circular
from reveil.cvnn.stacked import rotate, stack
from reveil.errors import ReveilError

PI = math.pi


def test_errors_are_distances_on_the_circle() -> None:
    guess = torch.tensor([0.1, 6.2, 4.0, PI], dtype=torch.float64)
    angle = torch.tensor([0.3, 0.1, 4.0, 0.0], dtype=torch.float64)
    expected = [0.2, 2 * PI - 6.1, 0.0, PI]
    assert circular.error(guess, angle).tolist() == pytest.approx(expected)
    assert circular.error(angle, guess).tolist() == pytest.approx(expected)


def test_errors_modulo_quarter_turns_are_at_most_an_eighth_of_a_turn() -> None:
    guess = torch.tensor([PI / 2 + 0.1, PI - 0.2, PI / 4, 3 * PI / 2], dtype=torch.float64)
    found = circular.quarter_error(guess, torch.zeros(4, dtype=torch.float64))
    assert found.tolist() == pytest.approx([0.1, 0.2, PI / 4, 0.0])


def test_quarter_turns_are_counted_from_the_angle_to_a_guess_near_one() -> None:
    angle = torch.tensor([6.0] * 6, dtype=torch.float64)
    offsets = [0.05, PI / 2 - 0.05, PI + 0.09, -PI / 2, 2 * PI - 0.01, 0.2]
    guess = circular.wrap(angle + torch.tensor(offsets, dtype=torch.float64))
    found = circular.quarter_turns(guess, angle).tolist()
    assert [str(turns) for turns in found[:5]] == ["0.0", "1.0", "2.0", "3.0", "0.0"]
    assert math.isnan(found[5])


def test_wrapped_angles_stay_below_a_turn() -> None:
    found = circular.wrap(torch.tensor([-1e-9, 2 * PI, 7.0, -0.5]))
    assert ((found >= 0) & (found < 2 * PI)).all()
    assert found[2:].tolist() == pytest.approx([7 - 2 * PI, 2 * PI - 0.5], abs=1e-6)


def test_golden_section_finds_the_peak_of_every_sample_across_zero() -> None:
    peaks = torch.tensor([0.01, 6.28, 3.0], dtype=torch.float64)
    start = torch.tensor([6.27, 0.02, 3.01], dtype=torch.float64)
    found = circular.maximise(lambda angles: torch.cos(angles - peaks), start, 0.05, 1e-6)
    assert circular.error(found, peaks).max() < 1e-6


def test_golden_section_is_never_worse_than_its_start() -> None:
    def two_peaks(angles: Tensor) -> Tensor:
        return torch.where((angles - 1).abs() < 1e-3, 2.0, torch.cos(angles - 1.2))

    start = torch.ones(1)
    assert circular.maximise(two_peaks, start, 0.3, 1e-4).tolist() == [1.0]


def _images(count: int, seed: int) -> Tensor:
    """Return (N, 3, 32, 32) images of smooth colour with some squares on it, mean 0."""
    generator = torch.Generator().manual_seed(seed)
    smooth = interpolate(torch.rand(count, 3, 8, 8, generator=generator), 32, mode="bilinear")
    squares = interpolate(torch.rand(count, 3, 4, 4, generator=generator), size=32) > 0.7
    images = smooth + squares.float()
    return images - images.mean()


@torch.no_grad()
def _scene(end: str, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, its angles and the attacker's own features, of an untrained encoder."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, momentum=1.0)]
    layers += [nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1, bias=False)]
    layers += [nn.BatchNorm2d(16, momentum=1.0)]
    encoder = nn.Sequential(*layers, *([nn.ReLU()] if end == "relu" else []))
    encoder(_images(256, seed=1))
    own = encoder.eval()(_images(256, seed=1))
    a = encoder(_images(96, seed=2))
    angles = torch.rand(96, generator=torch.Generator().manual_seed(3)) * 2 * PI
    return rotate(stack(a, a.roll(1, 0)), angles), angles, own


def test_an_encoder_that_ends_in_relu_is_broken_without_learning() -> None:
    x, angles, own = _scene("relu")
    found = {m: blind.estimate(m, x, blind.fit_facts(own)) for m in blind.METHODS}
    assert circular.error(found["quadrant"], angles).max() < 0.01
    assert circular.error(found["matched"], angles).mean() < 0.2
    assert circular.quarter_error(found["ica"], angles).mean() < 0.2
    # The filter says which quarter turn it is, so that the whole angle is as good.
    assert circular.error(found["ica"], angles).mean() < 0.2


def test_a_linear_end_hides_the_quadrant_but_not_the_mean() -> None:
    x, angles, own = _scene("norm")
    facts = blind.fit_facts(own)
    assert circular.error(blind.estimate("quadrant", x, facts), angles).mean() > 1.0
    assert circular.error(blind.estimate("matched", x, facts), angles).mean() < 0.3


def test_the_quadrant_follows_the_angle_at_every_bin_and_across_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 4, 8, 8, generator=generator).relu() for _ in range(2))
    angles = torch.linspace(0, 2 * PI, 33)[:-1] + 1e-4
    x = rotate(stack(a.expand(32, -1, -1, -1), b.expand(32, -1, -1, -1)), angles)
    assert circular.error(blind.quadrant(x), angles).max() < 2e-4


def test_fourth_moments_find_the_angle_of_sources_on_either_side_of_gauss() -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (8, 1, 64, 64)
    peaked = torch.rand(2, *shape, generator=generator).clamp_min(1e-6).log()
    peaked *= torch.randn(2, *shape, generator=generator).sign()
    flat = torch.rand(2, *shape, generator=generator) - 0.5
    a, b = torch.cat([peaked, flat], dim=2)
    facts = blind.fit_facts(a)
    assert facts["kurtosis_sign"].tolist() == [1, -1]
    angles = torch.arange(8) * 0.7
    found = blind.estimate("ica", rotate(stack(a, b), angles), facts)
    assert circular.quarter_error(found, angles).max() < 0.06


def test_the_kurtosis_is_that_of_the_formula() -> None:
    features = torch.tensor([[[[0.0, 0.0, 0.0, 4.0]], [[1.0, 1.0, -1.0, -1.0]]]])
    facts = blind.fit_facts(features)
    # Channel 1: -1, -1, -1, 3 give E[a^4] = 21, E[a^2] = 3: kappa = -6; channel 2: 1 - 3 = -2.
    assert facts["kurtosis_sign"].tolist() == [-1, -1]
    assert torch.equal(facts["mean"], features[0])


def test_chunks_and_neighbours_change_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _, own = _scene("relu")
    x = stack(x[:5], x[96:101])
    facts = blind.fit_facts(own)
    whole = {m: blind.estimate(m, x, facts) for m in blind.METHODS}
    monkeypatch.setattr(blind, "CHUNK_FEATURES", x[:1].numel() * 2)
    for method, expected in whole.items():
        torch.testing.assert_close(blind.estimate(method, x, facts), expected)
    pieces = blind.fit_facts(own[:9])
    monkeypatch.undo()
    torch.testing.assert_close(pieces, blind.fit_facts(own[:9]))


def test_an_unknown_method_is_named_with_the_nearest() -> None:
    with pytest.raises(ReveilError, match="align: 'match' .* did you mean 'matched'"):
        blind.estimate("match", torch.zeros(2, 1, 2, 2), {})
