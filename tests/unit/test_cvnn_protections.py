"""Protections: presets, files, and one clear message for every mistake."""

import json
from dataclasses import fields

import pytest
import yaml

from reveil import config as settings
from reveil.cvnn.protections import (
    CHOICES,
    KEYS,
    Protection,
    from_values,
    read,
    relation_problems,
    to_json,
)
from reveil.errors import ReveilError
from tests.hidden import protection
from tests.workflow import ROOT

FOLDER = ROOT / "config" / "protections"
DEFAULT = yaml.safe_load((FOLDER / "default.yaml").read_text(encoding="utf-8"))


def written(tmp_path, content):
    path = tmp_path / "policy.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_default_says_every_key_and_no_other():
    assert sorted(DEFAULT) == sorted(KEYS)
    assert from_values("rotation", DEFAULT).rotates


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_presets_have_known_keys_and_allowed_values(path):
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values.pop("base", None)
    assert set(values) <= set(KEYS)
    assert all(values[key] in CHOICES[key] for key in values if key in CHOICES)


@pytest.mark.parametrize("kind", ["protections", "feature_attacks"])
def test_no_two_presets_are_the_same(kind):
    resolve = {
        "protections": lambda name: to_json(settings.resolve_protection({}, ROOT, name))[
            "protection"
        ],
        "feature_attacks": lambda name: settings.resolve_feature_attack({}, ROOT, name),
    }[kind]
    presets = sorted({path.stem for path in (ROOT / "config" / kind).glob("*.yaml")} - {"default"})
    found: dict[str, list[str]] = {}
    for name in presets:
        found.setdefault(json.dumps(resolve(name), sort_keys=True), []).append(name)
    assert len(presets) > 20
    assert [names for names in found.values() if len(names) > 1] == []


def test_a_file_brings_back_what_was_written(tmp_path):
    kept = protection(k=5, swap="sample")
    assert read(written(tmp_path, to_json(kept))) == kept
    assert set(to_json(kept)) == {"name", "protection"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "rotate"}, "kind: 'rotate' is not allowed; .* did you mean 'rotation'"),
        ({"end": "linear "}, "end: 'linear ' is not allowed; allowed: norm, linear, relu"),
        ({"k": 1}, "k: 1 is not allowed; allowed: whole numbers from 2"),
        ({"k": True}, "k: True is not allowed"),
        ({"k": 2.0}, "k: 2.0 is not allowed"),
        ({"gamma": -0.1}, "gamma: -0.1 is not allowed; allowed: numbers from 0"),
        ({"gamma": "0"}, "gamma: '0' is not allowed"),
        ({"gama": 0.5}, "key: 'gama' is not allowed; .* did you mean 'gamma'"),
        ({"gamma": 0.5}, "gamma: 0.5 is not allowed with kind 'rotation'; allowed: 0, or kind"),
        ({"kind": "noisy", "adversary": "none"}, "gamma: 0.0 is not allowed with kind 'noisy'"),
        ({"kind": "original"}, "adversary: 'wgan-gp' has no effect with kind 'original'"),
        (
            {"kind": "additional", "adversary": "none", "generator": "none"},
            "generator: 'none' is not allowed with kind 'additional'",
        ),
        (
            {"kind": "original", "adversary": "none", "swap": "batch"},
            "swap: 'batch' has no effect with kind 'original'",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_value_that_is_not_allowed_is_named(changes, message):
    with pytest.raises(ReveilError, match=message):
        from_values("mine", {**DEFAULT, **changes})


def test_all_mistakes_are_named_at_once():
    values = {key: value for key, value in DEFAULT.items() if key != "end"}
    with pytest.raises(ReveilError, match="protection 'mine': .*end: is missing") as caught:
        from_values("mine", {**values, "k": 0, "swap": "never"})
    assert "k: 0" in str(caught.value) and "swap: 'never'" in str(caught.value)


def test_relations_are_in_order_for_the_default():
    assert relation_problems(DEFAULT) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ([1], "not a protection; allowed: a JSON object of name, protection"),
        ({"name": "x"}, "not a protection"),
        ({"name": "x", "protection": {"k": 2}}, "kind: is missing"),
        ({"name": "x", "protection": {**DEFAULT, "k": 0}}, "k: 0 is not allowed"),
        ({"name": "x", "protection": [1]}, "not a protection"),
    ],
    ids=["no-json", "list", "no-protection", "missing", "value", "no-object"],
)
def test_a_file_that_holds_no_protection_is_refused_by_its_path(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ReveilError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReveilError, match=r"nothing.json: cannot be read"):
        read(tmp_path / "nothing.json")


@pytest.mark.parametrize("kind", CHOICES["kind"])
def test_features_are_rotated_by_one_kind_alone(kind):
    assert protection(kind=kind).rotates == (kind == "rotation")


def test_keys_are_the_fields_but_for_the_name():
    assert tuple(field.name for field in fields(Protection))[1:-1] == KEYS
