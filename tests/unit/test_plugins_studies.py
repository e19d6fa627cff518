"""What plug-ins of cvnn and unir return: what is made of it, and what is told of another form."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from reveil.cvnn.attackers import plugged as attackers
from reveil.cvnn.attackers.interface import Attacker, Known, Remembers
from reveil.cvnn.plugged import protect
from reveil.cvnn.scene import Intercepted
from reveil.plugins import known
from reveil.unir.reconstruct.plugged import Plugged
from tests.measuring import operator
from tests.plugging import forget, refused, use

SHAPE = (1, 4, 4)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


# --- unir -----------------------------------------------------------------------------------------


def measured(folder: Path, theta: str, apply: str) -> None:
    code = f"""import torch; from reveil.unir.operators.base import Operator
@policy("mine", study="unir")
class Mine(Operator):
    def sample_theta(self, n, generator):
        return {theta}
    def apply(self, x, theta):
        return {apply}
"""
    use(folder, code)


def make() -> object:
    return operator(kind="mine", shape=SHAPE, parameters={})


def test_an_operator_measures_each_image_by_itself(tmp_path: Path) -> None:
    measured(tmp_path, "torch.ones(n, 1, 1, 1)", "x * theta / 2")
    x = torch.ones(3, *SHAPE)
    made = make()
    assert torch.equal(made.apply(x, made.sample_theta(3, None)), x / 2)


@pytest.mark.parametrize(
    ("theta", "apply", "message"),
    [
        ("torch.tensor(1.0)", "x", "sample_theta(2) returned no tensor (2, ...)"),
        ("torch.rand(2)", "x", "sample_theta(1) returned no tensor (1, ...)"),
        ("torch.rand(n)", "[x]", "apply returned list, expected a tensor (2, 1, 4, 4)"),
        ("torch.rand(n)", "x[:, :, 1:]", "apply returned torch.float32 (2, 1, 3, 4), expected fl"),
        ("torch.rand(n)", "x / 0", "apply returned values that are not finite, expected numbers"),
        ("torch.rand(n)", "x - x.mean()", "measures an image by itself otherwise than beside oth"),
        ("torch.rand(n)", "x.detach()", "apply is not differentiable in x, expected that train"),
    ],
)
def test_an_operator_of_another_form_is_told(
    tmp_path: Path, theta: str, apply: str, message: str
) -> None:
    measured(tmp_path, theta, apply)
    assert message in refused(make, line=3)


def restored(folder: Path, result: str) -> torch.Tensor:
    use(folder, f"@attack('mine', study='unir')\ndef restore(y, known, index): return {result}\n")
    given = SimpleNamespace(operator=SimpleNamespace(shape=SHAPE), seed=0)
    method = Plugged(SimpleNamespace(method="mine", parameters={}), given)
    return method.restore(torch.zeros(3, *SHAPE), [4, 5, 6])


def test_a_reconstruction_is_of_each_measurement(tmp_path: Path) -> None:
    assert (restored(tmp_path, "y + 0.5") == 0.5).all()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("None", "returned NoneType, expected images (3, 1, 4, 4)"),
        ("y[:, :, 1:]", "returned torch.float32 (3, 1, 3, 4), expected floating point (3, 1, 4, 4"),
        ("y / 0", "returned values that are not finite, expected -1 to 1"),
        ("y + 2", "returned values from 2 to 2, expected -1 to 1"),
        ("y + len(y) / 9", "makes something else of a measurement by itself than beside others"),
    ],
)
def test_a_reconstruction_of_another_form_is_told(
    tmp_path: Path, result: str, message: str
) -> None:
    assert message in refused(restored, tmp_path, result)


# --- cvnn -----------------------------------------------------------------------------------------


def protected(folder: Path, result: str) -> torch.Tensor:
    use(folder, f"@policy('mine', study='cvnn')\ndef f(features, noise): return {result}\n")
    features = torch.ones(2, 3, 4, 4, requires_grad=True)
    return protect(SimpleNamespace(kind="mine", parameters={}), features, torch.zeros(2, 3, 4, 4))


def test_a_protection_is_of_features_and_noise(tmp_path: Path) -> None:
    assert (protected(tmp_path, "2 * features + noise") == 2).all()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("None", "returned features of NoneType, expected (2, 3, 4, 4)"),
        ("features[:1]", "returned features of (1, 3, 4, 4), expected (2, 3, 4, 4)"),
        ("features / 0", "returned features that are not finite, expected numbers"),
        ("features.detach()", "is not differentiable, expected that the encoder can learn"),
    ],
)
def test_a_protection_of_another_form_is_told(tmp_path: Path, result: str, message: str) -> None:
    assert message in refused(protected, tmp_path, result)


def attacker(folder: Path, guess: str = "None", more: str = "") -> Attacker:
    code = f"""@attack("mine", study="cvnn", parameters={{"count": 3}})
def make(known):
    return Mine(known.attack["count"])
import torch
from reveil.cvnn.attackers.interface import Guess
class Mine:
    def __init__(self, count): self.count, self.given = count, None
    def fit(self, own): return [{{"epoch": self.count}}]
    def guess(self, seen): return {guess}
    def tensors(self): return {{}}
    def load(self, tensors): self.given = tensors
    {more}
"""
    use(folder, code)
    preset = {"method": "mine", "parameters": {"count": 7}}
    given = Known("mine", preset, None, None, SHAPE, 0, torch.device("cpu"))
    return attackers.make(known.find(known.ATTACK, "mine", known.CVNN), given)


def guessed(folder: Path, guess: str) -> object:
    return attacker(folder, guess).guess(Intercepted(torch.zeros(2, 3, 4, 4), False))


def test_an_attacker_gets_its_parameters_and_its_tensors_back(tmp_path: Path) -> None:
    made = attacker(tmp_path)
    assert made.fit(None) == [{"epoch": 7}]
    # A file of tensors cannot be empty.
    assert made.tensors().keys() == {"nothing"}
    made.load(made.tensors())
    assert made.made.given == {}
    assert not isinstance(made, Remembers)
    assert isinstance(attacker(tmp_path, more="def recall(self, own): ..."), Remembers)
    found = guessed(tmp_path, "Guess(labels=torch.tensor([1, 2]))")
    assert found.labels.tolist() == [1, 2] and found.images is None


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ("None", "guess returned NoneType, expected a Guess of something"),
        ("Guess()", "guess returned Guess, expected a Guess of something"),
        ("Guess(images=torch.zeros(2, 4, 4))", "guessed images of (2, 4, 4), expected (2, 1, 4, 4"),
        ("Guess(images=torch.full((2, 1, 4, 4), 2.0))", "guessed images from 2 to 2, expected 0 t"),
        ("Guess(second=7)", "guessed second of int, expected (2, 1, 4, 4)"),
        ("Guess(angles=torch.full((2,), torch.nan))", "guessed angles that are not finite, expect"),
        ("Guess(labels=torch.zeros(3))", "guessed labels of (3,), expected (2,)"),
        ("Guess(labels=[1, 2])", "guessed labels of list, expected (2,)"),
    ],
)
def test_a_guess_of_another_form_is_told(tmp_path: Path, guess: str, message: str) -> None:
    assert message in refused(guessed, tmp_path, guess)


def test_what_is_no_attacker_is_told(tmp_path: Path) -> None:
    def made() -> None:
        use(tmp_path, "@attack('mine', study='cvnn')\ndef make(known): return object()\n")
        given = Known("mine", {"method": "mine"}, None, None, SHAPE, 0, torch.device("cpu"))
        attackers.make(known.find(known.ATTACK, "mine", known.CVNN), given)

    assert "returned object without fit, guess, tensors, load, expected an" in refused(made)
