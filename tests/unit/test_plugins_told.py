"""Policies of plug-ins that tell attackers what victims may have drawn."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reveil import policies
from reveil.attacks.hypotheses import assigned, hypotheses
from reveil.bounds import bounds_for
from reveil.errors import ReveilError
from reveil.plugins import calling, known, reading, told, transforming
from reveil.transforms import plugged
from tests.attacked_block import SHAPE, attack, network, share, victim_images
from tests.guides import examples
from tests.plugging import forget, refused, use
from tests.workflow import ROOT

POLICY = "policy"
AWARE = {"method": "aware", "factors": "signs", "prune_at": 0.5, "keep": 2, "iterations": 30}
HALVES = """@policy('half')
class Half:
    def apply(self, images, streams):
        return self.cut(images, [int(t.initial_seed()) % 2 for t in streams])
    def cut(self, images, sides):
        made = images.clone()
        for image, side in zip(made, sides):
            image[..., 6 * side : 6 * side + 6] = 0
        return made
    def draws(self, shape):
        return [0, 1]
    def seen(self, values, draw):
        kept = values.new_ones(values.shape[-1])
        kept[6 * draw : 6 * draw + 6] = 0
        return values * kept
    def reach(self, size):
        return 3, 0
"""


@pytest.fixture(autouse=True)
def without_plugins() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def cutout(tmp_path: Path) -> known.Declared:
    """The example of the guide."""
    found = examples((ROOT / "docs/guides/own-policy.md").read_text())
    (tmp_path / "my_policy.py").write_text(found["my_policy.py"])
    known.register(reading.read(tmp_path / "my_policy.py"))
    return transforming.find("cutout")


def test_the_guides_draws_are_all_that_its_victims_draw(
    cutout: known.Declared, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        draws = told.draws(cutout, SHAPE)
    assert (len(draws), caplog.records) == (4, [])
    images = torch.randint(1, 256, (300, *SHAPE), dtype=torch.uint8)
    made = plugged.transform(images, "cutout", torch.arange(300))
    by_draw = torch.stack([told.seen(cutout, images / 255, draw) for draw in draws])
    same = ((255 * by_draw).round() == made).flatten(2).all(2)
    # Each victim drew one of them, and every one of them was drawn.
    assert same.sum(0).tolist() == [1] * 300
    assert same.any(1).all()


def told_of(name: str, augment: str = POLICY) -> list[tuple[int, tuple, tuple, object]]:
    found = hypotheses(policies.parse(name), augment, SHAPE, "signs")
    return [(h.member, h.operations, h.signs, h.draw) for h in found]


def test_hypotheses_of_a_hybrid_are_draws_of_one_member_and_signs_of_the_other(
    tmp_path: Path,
) -> None:
    use(tmp_path, HALVES)
    parsed = policies.parse("2-13+half")
    place = parsed.members.index(("half",))
    halves = [(place, ("half",), (), 0), (place, ("half",), (), 1)]
    signs = [(1 - place, (2, 13), (1, 1), None), (1 - place, (2, 13), (1, -1), None)]
    assert sorted(map(repr, told_of("2-13+half"))) == sorted(map(repr, halves + signs))
    assert told_of("half", "crop_flip") == [(0, (), (), None)]


def test_the_attacker_finds_the_half_that_was_cut_and_the_image_beside_it(tmp_path: Path) -> None:
    use(tmp_path, HALVES)
    model = network()
    half, (low, high) = transforming.find("half"), share(model, victim_images()).box
    values = ((victim_images() - low) / (high - low)).clamp(0, 1)
    drawn = [0, 1, 1, 0, 1]
    used = torch.cat([told.seen(half, values[i : i + 1], draw) for i, draw in enumerate(drawn)])
    shared = replace(
        share(model, low + used * (high - low)), policy=policies.parse("half"), augment=POLICY
    )
    found = attack(model, shared, **AWARE)
    assert found.status == ["ok"] * 5
    assert found.extras["hypothesis"].tolist() == drawn
    assert found.extras["signs"].abs().sum() == 0
    # What the judge gets is black where the victims were.
    cut = (used == 0).all((1, 2), keepdim=True).expand_as(used)
    assert cut.sum() == used.numel() / 2
    torch.testing.assert_close(found.x[cut], low.expand_as(used)[cut])
    blind = attack(model, replace(shared, policy=None, augment=None), iterations=30)
    assert (found.cost < blind.cost).all()


def test_bounds_are_those_that_the_plugin_tells(tmp_path: Path) -> None:
    use(tmp_path, HALVES)
    parsed = policies.parse("3+half")
    # Half a width is 6 of 12 pixels; the library's member moves 0.3 * 12 down the other way.
    assert bounds_for("policy", policies.parse("half"), POLICY, 12, 0) == (0.5, 0.0)
    across, down = bounds_for("policy", parsed, POLICY, 12, 0)
    alone = bounds_for("policy", policies.parse("3"), POLICY, 12, 0)
    assert (across, down) == (max(0.5, alone[0]), alone[1])
    use(tmp_path, HALVES.replace("return 3, 0", "return 0, 0").replace("'half'", "'still'"))
    with pytest.raises(ReveilError, match="'still' under the augmentation 'policy', which moves"):
        bounds_for("policy", policies.parse("still"), POLICY, 12, 0)


def test_draws_that_are_not_those_of_the_victims_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    use(tmp_path, HALVES.replace("return [0, 1]", "return [1]"))
    with caplog.at_level(logging.WARNING):
        assert told.draws(transforming.find("half"), SHAPE) == (1,)
    (record,) = caplog.records
    assert "of its 1 draws none gives what it makes of a random image" in record.getMessage()


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("return [0, 1]", "return []", "draws returned nothing, expected a list"),
        ("return [0, 1]", "return 2", "draws returned int, expected a list"),
        ("return values * kept", "return 1", "seen returned int, expected a tensor"),
        (
            "return values * kept",
            "return values[:1]",
            "expected torch.float32 (4, 3, 12, 12) on",
        ),
        ("return [0, 1]", "return 1 / 0", "in draws: ZeroDivisionError"),
    ],
)
def test_what_it_tells_wrongly_is_its_mistake(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    use(tmp_path, HALVES.replace(right, wrong))
    half = transforming.find("half")
    with pytest.raises(calling.PluginError) as error:
        told.draws(half, SHAPE)
    assert message in str(error.value)
    assert str(error.value).endswith("(your file, not reveil)")


def test_an_image_that_autograd_cannot_follow_is_a_mistake(tmp_path: Path) -> None:
    use(tmp_path, HALVES.replace("return values * kept", "return values.detach() * kept"))
    assert "without a gradient" in refused(told.draws, transforming.find("half"), SHAPE)


def test_draws_that_leave_nothing_are_right_beside_others(tmp_path: Path) -> None:
    nothing = "if draw:\n            return torch.zeros_like(values)\n        kept = values"
    use(tmp_path, f"import torch\n{HALVES.replace('kept = values', nothing)}")
    assert told.draws(transforming.find("half"), SHAPE) == (0, 1)


def test_seen_has_the_numbers_of_attacks_and_may_write_into_them(tmp_path: Path, caplog) -> None:
    blurred = """import torch
@policy('blurred')
class Blurred:
    def apply(self, images, streams):
        return self.seen(images / 255, 0).mul(255).round().to(torch.uint8)
    def draws(self, shape):
        return [0, 1]
    def seen(self, values, draw):
        kernel = torch.full((1, 1, 3, 3), 1 / 9)
        planes = values.flatten(0, 1)[:, None]
        return torch.nn.functional.conv2d(planes, kernel, padding=1).view_as(values).mul_(1)
"""
    use(tmp_path, blurred)
    with caplog.at_level(logging.WARNING):
        assert told.draws(transforming.find("blurred"), (1, 12, 12)) == (0, 1)
    assert caplog.records == []


def test_a_list_that_is_another_one_when_asked_again_is_a_mistake(tmp_path: Path) -> None:
    use(tmp_path, "import random\n" + HALVES.replace("[0, 1]", "[random.random() for _ in 'ab']"))
    with pytest.raises(calling.PluginError, match="draws returned two lists.* as they print"):
        told.draws(transforming.find("half"), SHAPE)


def test_every_member_of_a_hybrid_has_its_share_of_what_is_tried() -> None:
    tried = assigned([2, 600], 16, range(50), 0, 0)
    assert tried.shape == (50, 16)
    assert (tried[:, :2] == torch.tensor([0, 1])).all()
    assert tried[:, 2:].min() >= 2
    assert len(tried.unique()) > 200
    even = assigned([100, 100, 100], 10, range(50), 0, 0)
    assert ((even // 100).unsqueeze(2) == torch.arange(3)).sum(1).min() == 3
    few = assigned([5, 5, 5], 2, range(50), 0, 0)
    assert ((few // 5).diff(dim=1) > 0).all()
    assert len((few // 5).unique(dim=0)) == 3


def test_hypotheses_that_are_not_tried_are_told(tmp_path: Path, caplog) -> None:
    use(tmp_path, HALVES)
    model = network()
    shared = replace(share(model, victim_images()), policy=policies.parse("half"), augment=POLICY)
    with caplog.at_level(logging.WARNING):
        attack(model, shared, **AWARE | {"iterations": 2, "max_hypotheses": 1})
    assert "each image tries 1 of the 2 that there are of half" in caplog.text


@pytest.mark.parametrize("value", ["3", "(3,)", "(3, -1)", "('3', 0)", "(3, float('inf'))"])
def test_a_reach_is_two_lengths(tmp_path: Path, value: str) -> None:
    use(tmp_path, HALVES.replace("return 3, 0", f"return {value}"))
    assert "expected pixels (x, y), each from 0" in refused(
        told.reach, transforming.find("half"), 12
    )
