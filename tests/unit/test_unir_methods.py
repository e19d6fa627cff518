"""Which reconstructions there are, what they apply to, and what a preset may say."""

from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest

from reveil.config.presets import merge, read_yaml
from reveil.errors import ReveilError
from reveil.unir import methods
from reveil.unir.operators import settings as operators

MASK = {"network", "keep", "mean-image", "mean-fill", "median", "normalised", "tv", "biharmonic"}
MASK |= {"image-prior"}
BLUR = {"network", "keep", "mean-image", "tv", "wiener", "richardson-lucy", "image-prior"}


def values(root: Path, folder: str, name: str = "default", **changes) -> dict:
    below = read_yaml(root / f"config/{folder}/default.yaml")
    return merge(merge(below, read_yaml(root / f"config/{folder}/{name}.yaml")), changes)


def presets(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "config/reconstructions").glob("*.yaml"))


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("identity", {}, MASK),
        ("pixels", {}, MASK),
        ("rectangle", {}, MASK),
        ("row-runs", {}, MASK),
        ("pixels", {"fill": -1.0}, {"network", "keep"}),
        ("extract", {}, {"network", "keep"}),
        ("blur", {}, BLUR),
        ("project", {}, set()),
    ],
)
def test_what_each_kind_of_operator_can_be_reconstructed_by(
    root: Path, kind: str, changes: dict, expected: set[str]
) -> None:
    operator = operators.from_values("o", values(root, "operators", kind=kind, **changes))
    assert {m for m in methods.MODULES if methods.applies(m, operator)} == expected


def test_what_is_not_applicable_is_refused_with_what_is(root: Path) -> None:
    blur = operators.from_values("my-blur", values(root, "operators", kind="blur"))
    with pytest.raises(ReveilError, match="'median' is not applicable to operator 'my-blur' of .*"):
        methods.require("median", blur)
    methods.require("wiener", blur)
    with pytest.raises(ReveilError, match="method: 'medain' .* did you mean 'median'"):
        methods.applies("medain", blur)


def test_every_preset_is_complete_and_every_method_has_one(root: Path) -> None:
    names = presets(root)
    found = {n: methods.from_values(n, values(root, "reconstructions", n)) for n in names}
    assert {found[name].method for name in names} == set(methods.MODULES)
    sigmas = {n: found[n].sigma for n in names if found[n].method == "normalised"}
    assert sigmas == {
        "normalised-1": 1.0,
        "normalised-15": 1.5,
        "normalised-2": 2.0,
        "normalised-3": 3.0,
    }


def test_presets_change_only_what_their_method_uses(root: Path) -> None:
    default = values(root, "reconstructions")
    assert set(methods.USED_BY) == set(methods.KEYS) - {"method"}
    for name in presets(root):
        mine = asdict(methods.from_values(name, values(root, "reconstructions", name)))
        for key, users in methods.USED_BY.items():
            assert mine["method"] in users or mine[key] == default[key], (name, key)


def test_every_method_has_a_class(root: Path) -> None:
    for method, module in methods.MODULES.items():
        assert method in import_module(f"reveil.unir.reconstruct.{module}").METHODS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sigma", 0),
        ("sigma", "wide"),
        ("iterations", 1.5),
        ("iterations", True),
        ("width", 0),
        ("noise_to_signal", "low"),
        ("noise_to_signal", -0.1),
        ("weights", "best"),
        ("method", "medain"),
        ("delta", float("inf")),
    ],
)
def test_values_out_of_range_are_named(root: Path, key: str, value: object) -> None:
    with pytest.raises(ReveilError, match=f"reconstruction 'mine': {key}: {value!r} is not"):
        methods.from_values("mine", values(root, "reconstructions", **{key: value}))


def test_missing_and_unknown_keys_are_named(root: Path) -> None:
    complete = values(root, "reconstructions")
    del complete["sigma"]
    with pytest.raises(ReveilError, match="'sigmas' is not allowed.*sigma: is missing"):
        methods.from_values("mine", complete | {"sigmas": 2})
