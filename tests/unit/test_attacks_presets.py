"""The presets are those of the papers, and what does not go together is told at planning."""

import re

import pytest

from reveil.config import check, merge, read_yaml, resolve_attack
from reveil.config.attack_checks import scene_problems
from tests.workflow import ROOT

PAPER = read_yaml(ROOT / "config.yaml")
KEYS = ("method", "optimizer", "learning_rate", "objective", "signed", "boxed")
KEYS += ("total_variation", "init", "restarts", "iterations", "decay")
ADAM = ("optimise", "adam", 0.1)
SGD = ("optimise", "sgd", 0.01)
SLOW = ("lbfgs", "adam", 1e-4)
REAL = ("lbfgs", "adam", 1.0)

# Gao et al. 2021, its replications, Geiping et al. 2020 and the breaching library.
PRESETS = {
    "inversed": (*ADAM, "cosine", "hard", True, 1e-4, "randn", 1, 4800, "step"),
    "zhu": (*SLOW, "l2", "none", False, 1e-3, "randn", 2, 50, "none"),
    "inversed-lbfgs-sim": (*SLOW, "cosine", "hard", True, 1e-4, "randn", 16, 300, "none"),
    "inversed-adam-l1": (*ADAM, "l1", "hard", True, 1e-4, "randn", 1, 4800, "step"),
    "inversed-adam-l2": (*ADAM, "l2", "hard", True, 1e-4, "randn", 1, 4800, "step"),
    "inversed-sgd-sim": (*SGD, "cosine", "hard", True, 1e-4, "randn", 1, 4800, "step"),
    "inversed-zero": (*ADAM, "cosine", "hard", True, 1e-4, "zeros", 1, 4800, "step"),
    "inversed-sim-out": (*ADAM, "out_sim", "hard", True, 1e-4, "zeros", 1, 4800, "step"),
    "inversed-simlocal": (*ADAM, "simlocal", "hard", True, 1e-4, "randn", 1, 4800, "step"),
    "inversefed-default": (*ADAM, "cosine", "none", True, 0.1, "randn", 1, 4800, "step"),
    "inversed-large": (*ADAM, "cosine", "hard", True, 0.1, "randn", 1, 4800, "step"),
    "inversed-2500": (*ADAM, "cosine", "hard", True, 1e-4, "randn", 1, 2500, "step"),
    "geiping": (*ADAM, "cosine", "hard", True, 1e-4, "randn", 1, 24000, "step"),
    "real-lbfgs": (*REAL, "l2", "none", False, 1e-3, "randn", 2, 50, "none"),
    "real-lbfgs-sim": (*REAL, "cosine", "none", True, 1e-4, "randn", 16, 300, "none"),
    "dlg": (*REAL, "l2", "none", False, 0.0, "randn", 1, 1200, "none"),
    "br-inverting-gradients": (*ADAM, "cosine", "hard", True, 0.1, "randn", 1, 24000, "step"),
    "br-modern": (*ADAM, "cosine", "soft", True, 0.1, "patterned-4", 1, 24000, "cosine"),
    "br-see-through": (*ADAM, "l2", "none", True, 5e-5, "randn", 1, 20000, "cosine"),
}
OTHERWISE = {
    "br-modern": {"tv_form": "double_opponents", "features": 0.1, "warmup": 50},
    "br-see-through": {
        "objective_weight": 5e-5,
        "bn_statistics": 0.1,
        "image_norm": 1e-6,
        "langevin": 0.01,
        "warmup": 50,
    },
    "dlg": {"label": "joint"},
    "inversed-idlg": {"label": "idlg"},
    "inversed-joint": {"label": "joint"},
    "inversed-traced": {"trace": True},
}


def only(changes):
    """Return the one thing that is wrong with the attacks of a configuration."""
    (message,) = told_of_attacks(changes)
    return message


def told_of_attacks(changes):
    return [m for m in check(merge(PAPER, changes), ROOT) if m.startswith("attacks.")]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_those_of_the_papers(name):
    attack = resolve_attack(PAPER, ROOT, name)
    assert tuple(attack[key] for key in KEYS) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS | OTHERWISE)
def test_what_a_preset_does_otherwise_is_all_it_does(name):
    default = resolve_attack(PAPER, ROOT, "inversed")
    table = dict(zip(KEYS, PRESETS.get(name, PRESETS["inversed"]), strict=True))
    assert resolve_attack(PAPER, ROOT, name) == default | table | OTHERWISE.get(name, {})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inversed": {"keep": 3}}, "inversed.keep: 3 has no effect with method 'optimise'"),
        ({"inversed": {"padding": "zero"}}, "allowed: 'black', which is the default, or method tr"),
        ({"inversed": {"reduction": "mean"}}, "no effect with objective 'cosine'; .*l1 or l2"),
        ({"inversed": {"knows": "policy"}}, "knows: 'policy' .* 'optimise'; allowed: nothing"),
        ({"inversed": {"warmup": 4800}}, "inversed.warmup: 4800 .* allowed: 0 to 4799"),
        ({"default": {"knows": "policy"}}, "attacks.default.knows: 'policy'"),
        ({"zhu": {"decay": "step"}}, "zhu.decay: 'step' .* method 'lbfgs'; allowed: none"),
        ({"zhu": {"langevin": 0.1}}, "zhu.langevin: 0.1 is not allowed .* allowed: 0"),
        ({"zhu": {"signed": "soft"}}, "zhu.signed: 'soft' .* allowed: hard, none"),
        ({"zhu": {"optimizer": "sgd"}}, "zhu.optimizer: 'sgd' has no effect with method 'lbfgs'"),
        ({"inversed-joint": {"features": 0.1}}, "features: 0.1 .* label 'joint'.* allowed: 0"),
        (
            {"mine": {"base": "inversed", "method": "aware"}},
            "attacks.mine.knows: 'nothing' .* method 'aware'; allowed: policy",
        ),
        (
            {"mine": {"base": "inversed", "method": "translation"}},
            "attacks.mine.knows: 'nothing' .* bounds 'policy'.* allowed: policy",
        ),
    ],
)
def test_keys_without_effect_are_refused(changes, told):
    assert re.search(told, only({"attacks": changes}))


def test_a_changed_default_is_no_mistake_of_those_that_do_not_use_it():
    changed = {"default": {"keep": 3, "reduction": "mean", "optimizer": "sgd"}}
    assert told_of_attacks({"attacks": changed}) == []


@pytest.mark.parametrize(
    ("attack", "scene", "told"),
    [
        ("br-modern", {"batch": 4}, "br-modern.features: 0.1 .* scene.batch is 4; allowed: 0, or"),
        ("br-modern", {"bn_mode": "train"}, "br-modern.features: 0.1 .* scene.bn_mode is 'train'"),
        ("br-see-through", {"bn_mode": "train"}, "bn_statistics: 0.1 .* scene.bn_mode: eval"),
    ],
)
def test_priors_that_the_victims_forbid_are_refused(attack, scene, told):
    changes = {
        "protocols": {"mine": {"base": "fixed", "scene": scene}},
        "studies": {"ats": {"protocols": ["mine"], "attacks": [attack], "block": 20}},
    }
    assert re.search(told, only(changes))


def test_priors_suit_most_victims():
    attacks = {name: resolve_attack(PAPER, ROOT, name) for name in ("inversed", "br-see-through")}
    batches = {"batch": 4, "bn_mode": "eval"}
    assert list(scene_problems("inversed", attacks["inversed"], "p", batches)) == []
    assert list(scene_problems("br", attacks["br-see-through"], "p", batches)) == []
