"""Operators' settings: presets, files, and one clear message for every mistake."""

import json
import subprocess
import sys

import pytest
import yaml

from reveil.errors import ReveilError
from reveil.unir.operators.settings import (
    KEYS,
    USED_BY,
    from_values,
    read,
    shape_problems,
    to_json,
    whole_part,
)
from tests.measuring import FOLDER, PRESETS, settings, values
from tests.workflow import ROOT

DEFAULT = values("default")


def test_the_default_says_every_key_and_no_other():
    assert sorted(DEFAULT) == sorted(KEYS)


def test_the_default_is_the_default_operator_of_the_released_code():
    assert values("remove-pixel-dark-90") == DEFAULT


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_only_what_its_kind_uses(preset):
    made = settings(preset)
    changed = {key for key in KEYS if getattr(made, key) != DEFAULT[key]} - {"kind"}
    assert all(made.kind in USED_BY[key] for key in changed)


def test_every_key_but_the_kind_has_a_user():
    assert set(USED_BY) == set(KEYS) - {"kind"}


def test_presets_have_every_parameter_of_the_methods():
    families = {
        "remove-pixel": (50, 70, 90),
        "remove-pixel-dark": (10, 30, 50, 70, 90, 95),
        "block-pixels": (0, 10, 50, 80, 90, 95, 98, 99),
    }
    for family, shares in families.items():
        for share in shares:
            assert settings(f"{family}-{share}").share == share / 100
    for percent in (0, 10, 20, 50):
        assert settings(f"blur-noise-{percent}").noise_std == percent / 100
    names = "identity patch-band patch-half convolve-noise convolve-noise-10 block-patch keep-patch"
    names += " extract-patch pad-rotate-project pad-rotate-project-theta row-runs-50"
    assert set(names.split()) <= set(PRESETS)


def test_presets_are_told_apart():
    kept = [json.dumps(values(preset), sort_keys=True) for preset in PRESETS]
    assert len(set(kept)) == len(kept)


def test_no_preset_says_what_the_default_says_but_where_it_names_it():
    # Values that a preset's own name speaks of may repeat the default's.
    named = ("share", "height", "width", "noise_std", "kind")
    for path in FOLDER.glob("*.yaml"):
        if path.stem != "default":
            own = yaml.safe_load(path.read_text(encoding="utf-8"))
            assert not [k for k in own if k not in (*named, "base") and own[k] == DEFAULT[k]]


def test_a_file_brings_back_what_was_written(tmp_path):
    kept = settings("patch-band", height=0.25)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(to_json(kept)))
    assert read(path) == kept
    assert set(to_json(kept)) == {"name", "operator"}


@pytest.mark.parametrize(
    "content", ["[]", '{"name": "none", "protection": {}}', '{"name": "a", "operator": []}', "{"]
)
def test_a_file_of_another_form_is_named(tmp_path, content):
    path = tmp_path / "policy.json"
    path.write_text(content)
    with pytest.raises(ReveilError, match="policy.json: "):
        read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "pixel"}, "kind: 'pixel' is not allowed; .* did you mean 'pixels'"),
        ({"count": "exactly"}, "count: .* allowed: exact, bernoulli"),
        ({"share": 1}, "share: 1 is not allowed; allowed: numbers from 0 to below 1"),
        ({"share": True}, "share: True is not allowed"),
        ({"share": float("nan")}, "share: nan is not allowed"),
        ({"fill": 2}, "fill: 2 is not allowed; allowed: numbers from -1 to 1"),
        ({"height": 0}, "height: 0 is not allowed; allowed: numbers above 0 and up to 1"),
        ({"width": 1.5}, "width: 1.5 is not allowed"),
        ({"side": 2.0}, "side: 2.0 is not allowed; allowed: whole numbers from 0"),
        ({"keep": 1}, "keep: 1 is not allowed; allowed: true, false"),
        ({"kernel_size": 4}, "kernel_size: 4 is not allowed; allowed: odd numbers from 1"),
        ({"kernel_radius": 0}, "kernel_radius: 0 is not allowed; allowed: numbers above 0"),
        ({"noise_std": -0.1}, "noise_std: -0.1 is not allowed; allowed: numbers from 0"),
        ({"padding": "none"}, "padding: 'none' is not allowed; allowed: auto, whole numbers"),
        ({"angles": 0}, "angles: 0 is not allowed; allowed: whole numbers from 1"),
        ({"angels": 1}, "key: 'angels' is not allowed; .* did you mean 'angles'"),
        ({"rescale": True, "fill": 0.1}, "fill: 0.1 is not allowed with rescale"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_value_that_is_not_allowed_is_named(changes, message):
    with pytest.raises(ReveilError, match=message):
        from_values("mine", {**DEFAULT, **changes})


def test_a_missing_key_is_named():
    with pytest.raises(ReveilError, match="operator 'mine': share: is missing"):
        from_values("mine", {key: DEFAULT[key] for key in KEYS if key != "share"})


@pytest.mark.parametrize(
    ("changes", "shape", "word"),
    [
        ({"kind": "project"}, (1, 8, 9), "square"),
        ({"kind": "rectangle", "side": 9}, (1, 8, 10), "side: 9 is not allowed"),
        ({"kind": "extract", "height": 0.1}, (1, 8, 8), "at least one pixel"),
        ({"kind": "row-runs"}, (1, 8, 1), "two pixels or more"),
    ],
)
def test_images_that_do_not_fit_are_named(changes, shape, word):
    (problem,) = shape_problems(settings(**changes), shape)
    assert word in problem


def test_every_preset_fits_the_sizes_of_the_study():
    for preset in PRESETS:
        for shape in ((1, 28, 28), (1, 32, 32), (3, 32, 32), (3, 64, 64)):
            assert shape_problems(settings(preset), shape) == []


def test_a_share_is_rounded_down_as_it_is_written():
    # In floating point 0.29 * 100 is 28.999999999999996, and 0.3 * 64 is 19.2.
    assert [whole_part(0.29, 100), whole_part(0.3, 64), whole_part(0.9, 1024)] == [29, 19, 921]


def test_extents_are_those_of_the_papers():
    assert settings("patch-band").extent(64, 64) == (19, 64)
    assert settings("block-patch").extent(28, 28) == (14, 14)
    assert settings("keep-patch").extent(64, 64) == (32, 32)
    assert settings("block-patch", side=5).extent(28, 28) == (5, 5)
    assert [settings("pad-rotate-project").margin(size) for size in (28, 64)] == [6, 14]
    assert settings("pad-rotate-project", padding=3).margin(28) == 3


@pytest.mark.parametrize(
    ("preset", "changes", "expected"),
    [
        ("remove-pixel-dark-50", {}, True),
        ("remove-pixel-dark-50", {"rescale": True}, True),
        ("remove-pixel-dark-50", {"fill": -1}, False),
        ("remove-pixel-dark-50", {"fill": 1 / 255}, False),
        ("remove-pixel-dark-50", {"fill": 2 / 255}, True),
        ("keep-patch", {}, True),
        ("row-runs-50", {}, True),
        ("identity", {}, True),
        ("extract-patch", {}, False),
        ("convolve-noise", {}, False),
        ("pad-rotate-project-theta", {}, False),
    ],
)
def test_a_mask_is_observable_where_no_8_bit_value_is_the_fill(preset, changes, expected):
    # Of v = 128, v / 127.5 - 1 is 1 / 255; 2 / 255 lies halfway between two values.
    assert settings(preset, **changes).observable is expected


def test_planning_needs_no_torch():
    code = "import sys, reveil.unir.operators.settings; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", check=False)
    assert done.returncode == 0
