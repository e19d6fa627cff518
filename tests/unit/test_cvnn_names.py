"""Names of private networks."""

import subprocess
import sys

import pytest

from reveil.cvnn.names import DEPTHS, EXAMPLES, PATTERN, is_private, parse
from reveil.errors import ReveilError
from reveil.models.names import check_name
from tests.workflow import ROOT


@pytest.mark.parametrize(
    ("name", "family", "split", "width", "depth", "variant"),
    [
        ("resnet20-alpha", "resnet", "report", 16, 20, "alpha"),
        ("resnet110-beta", "resnet", "report", 16, 110, "beta"),
        ("resnet56-alpha-authors", "resnet", "authors", 16, 56, "alpha"),
        ("resnet32-beta-authors-w8", "resnet", "authors", 8, 32, "beta"),
        ("resnet44-alpha-w256", "resnet", "report", 256, 44, "alpha"),
        ("lenet-authors", "lenet", "authors", 32, 0, ""),
        ("lenet-authors-w4", "lenet", "authors", 4, 0, ""),
        ("lenet-report", "lenet", "report", 3, 0, ""),
        ("vgg16", "vgg16", "authors", 64, 0, ""),
        ("vgg16-w8", "vgg16", "authors", 8, 0, ""),
        ("alexnet", "alexnet", "authors", 64, 0, ""),
    ],
)
def test_a_name_says_what_the_network_is(name, family, split, width, depth, variant):
    found = parse(name)
    assert (found.family, found.split, found.width) == (family, split, width)
    assert (found.depth, found.variant) == (depth, variant)
    assert is_private(name)


@pytest.mark.parametrize(
    "name",
    ["resnet20", "resnet21-alpha", "resnet20-gamma", "resnet20-w4-alpha", "resnet20-alpha-w0"]
    + ["resnet20-alpha-w04", "resnet20-alpha-w257", "resnet20-alpha-authors-report", "lenet"]
    + ["lenet-report-w3", "VGG16", "alexnet-w", "", "resnet20-alpha "],
)
def test_other_names_are_refused_with_what_is_allowed(name):
    with pytest.raises(ReveilError, match="allowed: ") as caught:
        parse(name)
    assert repr(name) in str(caught.value)


def test_a_misspelt_name_brings_the_nearest():
    with pytest.raises(ReveilError, match="did you mean 'resnet20-alpha'"):
        parse("resnet20-alfa")


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("resnet20-alpha-w16", "'resnet20-alpha'"),
        ("resnet20-beta-authors-w16", "'resnet20-beta-authors'"),
        ("lenet-authors-w32", "'lenet-authors'"),
        ("vgg16-w64", "'vgg16'"),
    ],
)
def test_an_architecture_has_one_name(name, right):
    with pytest.raises(ReveilError, match=f"is called {right} here"):
        parse(name)


def test_every_example_and_depth_is_a_name():
    assert {parse(name).depth for name in EXAMPLES} == {*DEPTHS, 0}


@pytest.mark.parametrize("name", ["resnet20-4", "convnet", "lenetzhu", "resnet20-alpha\n"])
def test_names_of_other_networks_are_not_private(name):
    assert not is_private(name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_private_names_are_no_names_of_the_other_networks(name):
    with pytest.raises(ReveilError):
        check_name(name)


def test_the_pattern_fits_a_path():
    assert "(?:" in PATTERN and "(" not in PATTERN.replace("(?:", "")


def test_names_and_protections_are_known_without_torch():
    code = (
        "import sys, reveil.cvnn.names, reveil.cvnn.protections;"
        "print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.strip() == "set()"
