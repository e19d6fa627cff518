"""The table of variants, and what cannot be trained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reveil.errors import ReveilError
from reveil.unir import variants
from reveil.unir.operators.settings import from_values
from tests.reconstructing import RECONSTRUCTION, values

SAMPLING = {"guo2020-code", "ambientgan", "ignore", "unmeasure"}


def check(model="unet", kind="pixels", **keys):
    settings = from_values("made", values(kind=kind))
    variants.check({**RECONSTRUCTION, **keys}, model, settings)


def test_planning_needs_no_torch():
    code = "import sys, reveil.unir.variants; print('torch' in sys.modules)"
    path = {**os.environ, "PYTHONPATH": str(Path(variants.__file__).parents[2])}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, env=path, check=True)
    assert found.stdout.strip() == b"False"


def test_who_sees_clean_images():
    supervised = {name for name, v in variants.VARIANTS.items() if v.supervised}
    assert supervised == {"unpaired", "paired", "regress", "guo2020-code"}
    assert not variants.get("unpaired").clean


def test_who_makes_images_of_noise():
    assert {name for name, v in variants.VARIANTS.items() if v.samples} == SAMPLING


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_each_has_its_type_of_generator(name):
    fitting, other = ("dcgan", "unet") if name in SAMPLING else ("unet", "dcgan")
    own = {"d_input": "reconstruction"} if name == "unir-released" else {}
    check(fitting, variant=name, **own)
    with pytest.raises(ReveilError, match=f"variant: '{name}' is not allowed for the model"):
        check(other, variant=name, **own)


def test_the_released_input_of_d_has_its_own_variant():
    with pytest.raises(ReveilError, match="d_input: 'reconstruction'.*variant unir-released"):
        check(d_input="reconstruction")
    with pytest.raises(ReveilError, match="d_input: 'remeasured'.*allowed: reconstruction"):
        check(variant="unir-released")
    check(variant="unir-released", d_input="reconstruction")


def test_splitting_needs_a_mask_that_can_be_seen():
    with pytest.raises(ReveilError, match="cannot be read off"):
        check(variant="splitting", kind="blur")


@pytest.mark.parametrize("name", ["unir", "paired"])
def test_vectors_have_no_reconstruction(name):
    with pytest.raises(ReveilError, match=r"no images; allowed: guo2020-code, ambientgan"):
        check(variant=name, kind="project")


def test_vectors_can_be_learnt_from():
    check("dcgan", variant="ambientgan", kind="project")


@pytest.mark.parametrize("kind", ["pixels", "blur"])
def test_restoring_must_fit_the_operator(kind):
    fitting, other = ("biharmonic", "wiener") if kind == "pixels" else ("wiener", "biharmonic")
    check("dcgan", kind, variant="unmeasure", unmeasure=fitting)
    with pytest.raises(ReveilError, match=f"'{other}' is not applicable"):
        check("dcgan", kind, variant="unmeasure", unmeasure=other)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("variant", "unir-release", "unir-released"),
        ("order", "critic", "critic-first"),
        ("d_input", "measured", "remeasured"),
    ],
)
def test_unknown_values(key, value, hint):
    with pytest.raises(ReveilError, match=f"{key}: '{value}' is not allowed.*{hint}"):
        check(**{key: value})


@pytest.mark.parametrize("key", ["steps", "generator_steps", "critic_steps", "log_every"])
def test_counts_start_at_one(key):
    with pytest.raises(ReveilError, match=f"{key}: 0 is not allowed"):
        check(**{key: 0})
