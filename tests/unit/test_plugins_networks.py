"""Networks that plug-ins give to cvnn and unir: where names hold, and what is told of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from reveil.config import plugin_checks, standing
from reveil.config.image_sizes import feature_side, least_size
from reveil.cvnn import names as private_names
from reveil.cvnn import private
from reveil.cvnn import weights as private_weights
from reveil.cvnn.equivariance import ACCEPTED, equivariance_error
from reveil.cvnn.tables.published import _model_name
from reveil.errors import ReveilError
from reveil.forecast.networks import network as counted
from reveil.models import names as gradient_names
from reveil.tables.labels import model_title
from reveil.unir import names as generator_names
from reveil.unir import weights as generator_weights
from reveil.unir.networks import build, build_discriminator
from tests.hidden import protection
from tests.plugging import forget, refused, use, written
from tests.workflow import ROOT


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


# --- cvnn -----------------------------------------------------------------------------------------


def cut(
    folder: Path,
    *,
    encoder: str = "nn.Conv2d(channels, 4, 3, padding=1), ending(4)",
    processor: str = "cloud.conv(4, 6, 3, padding=1), cloud.norm(6, size), cloud.activation(6)",
    decoder: str = "GlobalPool(), nn.Linear(6, classes)",
    result: str = "Sections(*parts, (4, size, size))",
) -> None:
    code = f"""@model("mine", study="cvnn")
def sections(channels, size, classes, cloud, ending):
    rows = [{encoder}], [{processor}], [{decoder}]
    parts = [nn.Sequential(*row) for row in rows]
    return {result}
from torch import nn
from reveil.cvnn.networks.sections import GlobalPool, Sections
"""
    use(folder, code)


def made(**changes: object) -> private.PrivateNetwork:
    return private.build("mine", protection(**changes), 1, 8, 3, 0)


@pytest.mark.parametrize("kind", ["original", "rotation"])
def test_a_private_network_is_cut_as_the_plugin_says(tmp_path: Path, kind: str) -> None:
    cut(tmp_path)
    network = made(kind=kind)
    assert network.training and network.feature_shape == (4, 8, 8)
    x = torch.randn(4, 4, 8, 8)
    if kind == "rotation":
        assert equivariance_error(network.processor, x) < ACCEPTED
    images = torch.rand(2, 1, 8, 8)
    assert network.encode(images).shape == (2, 4, 8, 8)
    assert torch.equal(network.encoder[0].weight, made(kind=kind).encoder[0].weight)
    other = private.build("mine", protection(kind=kind), 1, 8, 3, 1)
    assert not torch.equal(network.encoder[0].weight, other.encoder[0].weight)
    # Its kit is that of the ResNets, which have norms, too.
    usual = private._cloud(private_names.parse("resnet20-alpha"), network.protection)
    assert vars(private._cloud(private_names.parse("mine"), network.protection)) == vars(usual)
    path = tmp_path / "w.safetensors"
    private_weights.save(path, network, None, {})
    again, _, _ = private_weights.load(path)
    assert torch.equal(again.encoder[0].weight, network.encoder[0].weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"result": "parts"}, "returned list, expected reveil.cvnn.networks.sections.Sections"),
        ({"result": "Sections(*parts[:2], None, (4, 8, 8))"}, "decoder is NoneType, expected a to"),
        ({"result": "Sections(*parts, (4, 8))"}, "feature_shape is (4, 8), expected (channels, h"),
        ({"result": "Sections(*parts, (4, 4, 4))"}, "makes features (2, 4, 8, 8) of 2 images, "),
        (
            {"processor": "cloud.conv(4, 6, 3, padding=1), nn.ReLU()"},
            "its processing does not commute with a rotation (a relative error of ",
        ),
        ({"processor": "nn.Conv2d(4, 6, 3, bias=True)"}, "does not commute with a rotation"),
        (
            {"processor": "nn.Conv2d(4, 6, 3, bias=False), nn.Flatten(0, 1)"},
            "its processing makes ",
        ),
        ({"decoder": "GlobalPool()"}, "makes logits (2, 6) of 2 images, expected (2, 3)"),
        ({"encoder": "nn.Conv2d(3, 4, 3)"}, "Given groups=1"),
        ({"encoder": "missing"}, "in sections: NameError: name 'missing' is not defined"),
    ],
)
def test_a_private_network_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    cut(tmp_path, **changes)
    line = 4 if "missing" in message else 2
    assert message in refused(made, line=line)


def test_without_a_rotation_the_processing_may_be_any(tmp_path: Path) -> None:
    cut(tmp_path, processor="nn.Conv2d(4, 6, 3, bias=True), nn.ReLU()")
    assert made(kind="original")(torch.rand(2, 1, 8, 8)).shape == (2, 3)


# --- unir -----------------------------------------------------------------------------------------

SETTINGS = {"gan_loss": "bce", "spectral_norm": "critic"}


def restoring(folder: Path, body: str) -> None:
    code = f"""@model("mine", study="unir", parameters={{"width": 2}})
def build(channels, size, width):
    return {body}
import torch
from torch import nn
"""
    use(folder, code)


def test_a_generator_of_a_plugin_reconstructs_and_comes_back(tmp_path: Path) -> None:
    restoring(tmp_path, "nn.Conv2d(channels, channels, 2 * width + 1, padding=width)")
    network = build("mine", 1, 8, SETTINGS, 0)
    assert network.training
    y = torch.rand(3, 1, 8, 8)
    assert torch.equal(network(y), network.body(y).tanh())
    assert torch.equal(build("mine", 1, 8, SETTINGS, 0).body.weight, network.body.weight)
    residual = build("mine", 1, 8, {"residual_output": True}, 0)
    assert torch.equal(residual(y), y + network.body(y).tanh())
    judge = build_discriminator("mine", 1, 8, SETTINGS, 0, (1, 8, 8))
    assert judge(y).shape == (3,)
    path = tmp_path / "w.safetensors"
    generator_weights.save(path, network, judge, {"model": "mine"})
    again, _, _ = generator_weights.load(path)
    assert torch.equal(again.body.weight, network.body.weight)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[nn.Linear(2, 2)]", "returned list, expected a torch.nn.Module"),
        ("nn.Identity()", "returned a network without a trainable parameter, expected one or more"),
        ("nn.Conv2d(channels, channels, 3)", "makes (2, 1, 6, 6) of measurements (2, 1, 8, 8), "),
        ("nn.Sequential(nn.Conv2d(1, 1, 1), nn.Threshold(1e9, float('inf')))", "no finite float"),
    ],
)
def test_a_generator_of_another_form_is_refused(tmp_path: Path, body: str, message: str) -> None:
    restoring(tmp_path, body)
    assert message in refused(build, "mine", 1, 8, SETTINGS, 0)


def test_spectral_norm_of_both_is_no_matter_of_a_plugin(tmp_path: Path) -> None:
    restoring(tmp_path, "nn.Conv2d(channels, channels, 1)")
    with pytest.raises(ReveilError, match="'both' is not allowed with mine.*none, critic"):
        build("mine", 1, 8, {"spectral_norm": "both"}, 0)


# --- names ----------------------------------------------------------------------------------------

THREE = """@model("one")
def ats(channels, size, classes): ...
@model("two", study="cvnn")
def cvnn(channels, size, classes, cloud, ending): ...
@model("three", study="unir")
def unir(channels, size): ...
"""
GRAMMARS = {"one": gradient_names, "two": private_names, "three": generator_names}


def test_a_name_is_of_one_study_and_told_in_its_messages(tmp_path: Path) -> None:
    use(tmp_path, THREE)
    for name in GRAMMARS:
        for home, grammar in GRAMMARS.items():
            if home == name:
                assert grammar.parse(name).family == grammar.PLUGGED
                continue
            with pytest.raises(ReveilError, match=rf"allowed: .*, {home}"):
                grammar.parse(name)
    assert [private_names.is_private(name) for name in GRAMMARS] == [False, True, False]
    assert [generator_names.is_reconstructor(name) for name in GRAMMARS] == [False, False, True]
    assert generator_names.reconstructs("three")
    with pytest.raises(ReveilError, match="did you mean 'two'"):
        private_names.parse("tow")


@pytest.mark.parametrize(("grammar", "name"), [(private_names, "two"), (generator_names, "three")])
def test_rules_know_the_names_by_a_pattern_that_plugins_extend(
    tmp_path: Path, grammar: object, name: str
) -> None:
    assert not re.fullmatch(grammar.pattern(), name)
    usual = grammar.EXAMPLES[0]
    assert re.fullmatch(grammar.pattern(), usual)
    use(tmp_path, THREE)
    assert re.fullmatch(grammar.pattern(), name) and re.fullmatch(grammar.pattern(), usual)


def test_two_studies_cannot_have_a_network_of_one_name(tmp_path: Path) -> None:
    path = written(tmp_path, THREE.replace('"three"', '"two"'))
    (message,) = plugin_checks.register({"plugins": [str(path)]}, ROOT)
    assert "mine.py, line 6: model 'two' is a network of cvnn already (mine.py, line 4)" in message


@pytest.mark.parametrize("study", ["ats", "cvnn", "unir"])
@pytest.mark.parametrize("name", ["lenetzhu", "resnet20-alpha", "dcgan-w8"])
def test_names_of_networks_here_are_taken_in_every_study(
    tmp_path: Path, study: str, name: str
) -> None:
    path = written(tmp_path, f'@model("{name}", study="{study}")\ndef build(): ...\n')
    (message,) = plugin_checks.register({"plugins": [str(path)]}, ROOT)
    assert f"model '{name}' is not allowed: a network here has the name" in message


def test_tables_and_forecasts_take_them_without_running_them(tmp_path: Path) -> None:
    use(tmp_path, THREE)
    assert [model_title(name) for name in GRAMMARS] == [*GRAMMARS]
    assert _model_name("two") is None and _model_name("resnet20-alpha") == "ResNet-20-alpha"
    assert (least_size("two"), feature_side("two", 32)) == (1, 32)
    hidden = protection(kind="rotation")
    assert counted("two", "fashion-mnist", hidden) == counted(
        "resnet20-alpha", "fashion-mnist", hidden
    )
    assert counted("three", "fashion-mnist") == counted("unet", "fashion-mnist")
    assert counted("one", "fashion-mnist") == counted("resnet20-1", "fashion-mnist")


def test_a_job_stands_on_the_file_that_gives_its_network(tmp_path: Path) -> None:
    use(tmp_path, THREE)
    for name in GRAMMARS:
        (found,) = (one for one in standing.behind({}, ROOT, {"model": name}) if one)
        assert found.name == name
