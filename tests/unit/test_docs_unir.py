"""The pages about operators and reconstructions name what there is, and their examples are true."""

import re
from dataclasses import fields

import pytest
import torch
import yaml

from reveil import config
from reveil.config.presets import read_yaml
from reveil.config.schema import DEFINITIONS, section
from reveil.unir import losses, methods, names, variants
from reveil.unir.networks.settings import CHOICES as NETWORK_CHOICES
from reveil.unir.operators import settings as operators
from reveil.unir.operators.interface import make
from tests.measuring import PRESETS, images, settings, values
from tests.unit.test_docs_cvnn import REFERENCE, spelled_out, table_after
from tests.unit.test_docs_cvnn import names as named
from tests.unit.test_unir_networks import counts
from tests.workflow import ROOT

OPERATORS, RECONSTRUCTIONS = "operators.md", "reconstructions.md"
# What a cell says of who uses a key when all do.
ALL = "all"


def presets(folder: str) -> dict[str, dict]:
    """Return what each preset of a folder says, the default aside."""
    paths = (ROOT / "config" / folder).glob("*.yaml")
    return {path.stem: read_yaml(path) for path in paths if path.stem != "default"}


def recipes() -> set[str]:
    """Return the recipes that stand on that of this study."""
    found, known = {"unir"}, presets("recipes")
    while more := {n for n, r in known.items() if r.get("base") in found} - found:
        found |= more
    return found


# --- operators ----------------------------------------------------------------------------------


def test_every_key_of_an_operator_is_documented_with_its_values_and_kinds():
    keys = table_after(OPERATORS, "key", "values")
    assert list(keys) == list(operators.KEYS)
    for key, choices in operators.CHOICES.items():
        assert named(keys[key][1]) == list(choices), key
    for key, kinds in operators.USED_BY.items():
        assert named(keys[key][2]) == list(kinds), key


def test_every_kind_of_operator_is_documented():
    assert list(table_after(OPERATORS, "`kind`")) == list(operators.CHOICES["kind"])


def test_kinds_whose_mask_can_be_read_are_told():
    told = table_after(OPERATORS, "operator", "read off y")
    made = {preset: settings(preset) for preset in PRESETS}
    read = {operator.kind for operator in made.values() if operator.observable}
    assert {kind for kind in told if told[kind][1] == "yes"} - {"fill"} == read
    unread = {operator.kind for operator in made.values() if not operator.observable}
    assert {kind for kind in told if told[kind][1] == "no"} - {"fill"} == unread
    for kind in ("pixels", "rectangle", "row-runs"):
        assert not any(settings(kind=kind, fill=fill).observable for fill in (-1.0, 1.0))


def test_what_is_said_of_sizes_and_shares_is_so():
    assert operators.whole_part(0.9, 1024) == 921 and operators.whole_part(0.29, 100) == 29
    assert [settings("patch-band").extent(side, side)[0] for side in (32, 64)] == [9, 19]
    assert [settings("pad-rotate-project").margin(side) for side in (28, 32, 64)] == [6, 7, 14]
    for preset, length in (("pad-rotate-project", 46), ("pad-rotate-project-theta", 47)):
        assert make(settings(preset), (1, 32, 32)).output_shape == (length,)
    runs = make(settings("row-runs-50"), (1, 32, 32))
    theta = runs.sample_theta(300, torch.Generator().manual_seed(0))
    assert runs.missing_rate(theta).mean().item() == pytest.approx(0.38, abs=0.005)


def test_operators_share_their_draws():
    half, most = (
        make(settings(f"remove-pixel-dark-{share}"), (1, 8, 8)).sample_theta(
            1, torch.Generator().manual_seed(0)
        )
        for share in (50, 90)
    )
    assert (~half & most).sum() == 0 and (half & ~most).any()


def test_the_operators_of_the_example_measure():
    own = example(OPERATORS)["operators"]
    x, seen = images(4, (1, 32, 32)), {}
    for name, said in own.items():
        base = values(said.pop("base", "default"))
        operator = make(operators.from_values(name, {**base, **said}), (1, 32, 32))
        theta = operator.sample_theta(4, torch.Generator().manual_seed(0))
        assert operator.apply(x, theta).shape == x.shape
        seen[name] = operator.missing_rate(theta)
    assert seen["remove-pixel-dark-80"].tolist() == pytest.approx([819 / 1024] * 4)
    assert seen["lost-square"].tolist() == pytest.approx([64 / 1024] * 4)
    assert seen["blur-only"] is None


# --- reconstructions ----------------------------------------------------------------------------


def test_every_variant_is_documented_with_what_it_sees():
    told = table_after(RECONSTRUCTIONS, "`reconstruction.variant`")
    assert set(told) == set(variants.VARIANTS)
    for name, variant in variants.VARIANTS.items():
        _, clean, real, fake, term, networks = told[name]
        others = variant.real == variants.OTHER_CLEAN
        assert clean == ("its own" if variant.clean else "of others" if others else "no"), name
        assert (real == "-", fake == "-") == (variant.real is None, variant.fake is None), name
        assert (term == "none") == (variant.term is None), name
        assert ("y_hat - y_tilde" in term) == (variant.term == variants.LIKELIHOOD), name
        assert networks == ("sample" if variant.samples else "reconstruct"), name


def test_every_switch_of_a_training_is_documented_with_its_values():
    schema = config.load_schema(ROOT)
    known = section(schema, DEFINITIONS["recipes"])["properties"]["reconstruction"]["properties"]
    told = {
        name: row
        for name, row in table_after(RECONSTRUCTIONS, "key of `reconstruction`").items()
        if name in known
    }
    assert set(told) == set(known)
    closed = {
        "gan_loss": losses.GAN_LOSSES,
        "reduction": losses.REDUCTIONS,
        "d_input": variants.D_INPUTS,
        "lik_detach": losses.DETACH,
        "order": variants.ORDERS,
        "unmeasure": variants.UNMEASURES,
        **{key: NETWORK_CHOICES[key] for key in ("init", "spectral_norm", "latent")},
    }
    for key, choices in closed.items():
        assert named(told[key][1]) == list(choices), key


def test_every_adversarial_loss_is_documented():
    assert set(table_after(RECONSTRUCTIONS, "`gan_loss`")) == set(losses.GAN_LOSSES)


@pytest.mark.parametrize("model", names.WIDTHS)
def test_networks_are_documented_with_their_widths_and_parameters(model):
    told = table_after(RECONSTRUCTIONS, "model", "width")
    assert set(told) == set(names.WIDTHS)
    _, width, what, _, *parameters = told[model]
    assert int(width) == names.WIDTHS[model]
    assert what == ("reconstructs" if names.reconstructs(model) else "samples")
    found = [*counts(model, 1, 32), *counts(model, 3, 64)]
    assert parameters == [f"{count:,}" for count in found]


def test_every_method_is_documented_with_what_it_applies_to():
    told = table_after(RECONSTRUCTIONS, "`method`")
    assert list(told) == list(methods.MODULES)
    masked, blurred, moved = map(settings, ("patch-band", "convolve-noise", "extract-patch"))
    words = {
        (True, True, True): "images",
        (True, True, False): "readable masks, blurs",
        (True, False, False): "readable masks",
        (False, True, False): "blurs",
    }
    for method, row in told.items():
        fits = tuple(methods.applies(method, kind) for kind in (masked, blurred, moved))
        assert row[2] == words[fits], method


def test_every_key_of_a_reconstruction_is_named():
    text = (REFERENCE / RECONSTRUCTIONS).read_text()
    part = text[text.index("## Methods") : text.index("## The recipes")]
    keys = {f.name for f in fields(methods.MethodSettings) if f.name != "name"}
    assert {key for key in keys if f"`{key}`" not in part} == set()


def test_the_presets_of_methods_are_said_as_they_are():
    told, known = table_after(RECONSTRUCTIONS, "preset", "method"), presets("reconstructions")
    assert {name: row[1] for name, row in told.items()} == {
        name: said.get("method", "network") for name, said in known.items()
    }


def test_every_recipe_of_the_study_is_documented():
    assert set(table_after(RECONSTRUCTIONS, "recipe")) == recipes()


# --- presets and experiments --------------------------------------------------------------------

TABLES = [
    (OPERATORS, "preset", "operators", "policies"),
    (RECONSTRUCTIONS, "preset", "reconstructions", "attacks"),
    (RECONSTRUCTIONS, "recipe", "recipes", "recipes"),
]


@pytest.mark.parametrize(("page", "head", "folder", "kind"), TABLES[:2])
def test_every_preset_is_documented(page, head, folder, kind):
    assert set(table_after(page, head)) == set(presets(folder))


def experiments_of(kind: str, name: str) -> set[str]:
    """Return the targets whose rows have a preset."""
    without = {"attacks": ["network"]}.get(kind, [])
    return {
        path.stem.replace("-", "_")
        for path in (ROOT / "config/experiments").glob("unir-*.yaml")
        if any(name in row.get(kind, without) for row in read_yaml(path)["rows"])
    }


def told_experiments(cell: str) -> set[str]:
    """Return the targets that a cell names, ranges spelled out."""
    found = set(re.findall(r"`(unir_exp\d\d)`", cell))
    for first, last in re.findall(r"`unir_exp(\d\d)` to `unir_exp(\d\d)`", cell):
        found |= {f"unir_exp{number:02}" for number in range(int(first), int(last) + 1)}
    return found


@pytest.mark.parametrize(("page", "head", "folder", "kind"), TABLES)
def test_presets_name_the_experiments_that_run_them(page, head, folder, kind):
    told = table_after(page, head)
    assert {name: told_experiments(row[-1]) for name, row in told.items()} == {
        name: experiments_of(kind, name) for name in told
    }


def test_a_range_of_experiments_is_spelled_out():
    assert told_experiments("`unir_exp01`, `unir_exp09` to `unir_exp11`") == {
        "unir_exp01", "unir_exp09", "unir_exp10", "unir_exp11",
    }  # fmt: skip
    assert spelled_out("unir-{1k,5k}") == ["unir-1k", "unir-5k"]


# --- examples -----------------------------------------------------------------------------------


def example(page: str) -> dict:
    """Return what the block of YAML of a page says."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (REFERENCE / page).read_text(), re.S | re.M)
    return yaml.safe_load(block)


@pytest.mark.parametrize("page", [OPERATORS, RECONSTRUCTIONS])
def test_the_example_is_valid_on_the_demo(page):
    papers, demo = (read_yaml(ROOT / path) for path in ("config.yaml", "config/demo.yaml"))
    laid = config.merge(config.merge(papers, demo), example(page))
    assert config.check(laid, ROOT) == []
