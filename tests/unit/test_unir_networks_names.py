"""Names of generators."""

import re
import subprocess
import sys

import pytest

from reveil.cvnn import names as private_names
from reveil.errors import ReveilError
from reveil.models.names import check_name
from reveil.unir.names import EXAMPLES, PATTERN, is_reconstructor, parse, reconstructs
from tests.workflow import ROOT


@pytest.mark.parametrize(
    ("name", "family", "width", "takes_measurements"),
    [
        ("unet", "unet", 16, True),
        ("unet-w8", "unet", 8, True),
        ("dcgan-unet", "dcgan-unet", 64, True),
        ("dcgan-unet-w256", "dcgan-unet", 256, True),
        ("pajot", "pajot", 32, True),
        ("pajot-w4", "pajot", 4, True),
        ("variational", "variational", 16, True),
        ("dcgan", "dcgan", 64, False),
        ("dcgan-w16", "dcgan", 16, False),
        ("ambient-celeba", "ambient-celeba", 64, False),
        ("ambient-mnist", "ambient-mnist", 64, False),
        ("ambient-cifar", "ambient-cifar", 128, False),
        ("ambient-cifar-w64", "ambient-cifar", 64, False),
    ],
)
def test_a_name_says_what_the_generator_is(name, family, width, takes_measurements):
    found = parse(name)
    assert (found.family, found.width) == (family, width)
    assert is_reconstructor(name)
    assert reconstructs(name) is takes_measurements


@pytest.mark.parametrize(
    "name",
    ["unet-w0", "unet-w08", "unet-w257", "unet-8", "UNet", "", "unet ", "ambient", "ambient-lsun"]
    + ["unet-dcgan", "dcgan-w", "resnet20-alpha", "convnet"],
)
def test_other_names_are_refused_with_what_is_allowed(name):
    with pytest.raises(ReveilError, match="allowed: ") as caught:
        parse(name)
    assert repr(name) in str(caught.value)


def test_a_misspelt_name_brings_the_nearest():
    with pytest.raises(ReveilError, match="did you mean 'ambient-mnist'"):
        reconstructs("ambient-minst")


@pytest.mark.parametrize(
    ("name", "right"), [("unet-w16", "'unet'"), ("ambient-cifar-w128", "'ambient-cifar'")]
)
def test_an_architecture_has_one_name(name, right):
    with pytest.raises(ReveilError, match=f"is called {right} here"):
        parse(name)


@pytest.mark.parametrize(
    "name", ["convnet", "convnet-w16", "lenetzhu", "vgg16-w8", "resnet20-4", "unet\n", "my-unet"]
)
def test_names_of_other_networks_are_no_generators(name):
    assert not is_reconstructor(name)


@pytest.mark.parametrize("name", [*EXAMPLES, *(f"{name}-w24" for name in EXAMPLES)])
def test_generators_names_are_no_names_of_the_other_networks(name):
    assert not private_names.is_private(name)
    with pytest.raises(ReveilError):
        check_name(name)


@pytest.mark.parametrize("name", private_names.EXAMPLES)
def test_private_networks_names_are_no_generators(name):
    assert not is_reconstructor(name)


def test_the_pattern_fits_a_path():
    assert "(" not in PATTERN.replace("(?:", "")
    assert re.fullmatch(f"models/({PATTERN})/none", "models/dcgan-unet-w8/none")[1] == (
        "dcgan-unet-w8"
    )


def test_names_are_known_without_torch():
    code = "import sys, reveil.unir.names; print({'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.strip() == "set()"
