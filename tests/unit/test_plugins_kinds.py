"""What plug-ins return, of each kind: what is made of it, and what is told of another form."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from reveil import attacks, datasets, defence_names, defences, models, policies, readers
from reveil.files import write_json
from reveil.gradients import per_image_gradients
from reveil.plugins import known, reading
from reveil.policy_names import split
from reveil.scene import Shared
from reveil.transforms import transform_policy
from tests.guides import examples
from tests.plugging import forget, refused, use
from tests.workflow import ROOT


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


DATASET = "@dataset('d', classes=2, size=8, channels=1, train=3, test=2)\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return np.zeros((n, 1, 8, 8), 'u1')", "returned ndarray for 'train', expected (images"),
        ("return np.zeros((n, 1, 8, 8)), np.zeros(n, int)", "returned float64 images (3, 1, 8, 8)"),
        ("return np.zeros((n, 8, 8), 'u1'), np.zeros(n, int)", "expected uint8 (3, 1, 8, 8)"),
        ("return np.zeros((n, 1, 8, 8), 'u1'), np.zeros(n)", "returned float64 labels (3,)"),
        (
            "return np.zeros((n, 1, 8, 8), 'u1'), np.full(n, 2)",
            "labels from 2 to 2 for 'train', ex",
        ),
    ],
)
def test_a_dataset_of_another_form_is_told(tmp_path: Path, body: str, message: str) -> None:
    code = f"def load(split):\n    n = 3 if split == 'train' else 2\n    {body}\n"
    use(tmp_path, DATASET + code + "import numpy as np\n")
    assert message in refused(readers.prepare, datasets.get("d"), ".", tmp_path / "out")


def test_a_dataset_may_be_of_tensors(tmp_path: Path) -> None:
    code = (
        "def load(split):\n    n = 3 if split == 'train' else 2\n"
        "    return torch.full((n, 1, 8, 8), n, dtype=torch.uint8), torch.arange(n) % 2\n"
        "import torch\n"
    )
    use(tmp_path, DATASET + code)
    readers.prepare(datasets.get("d"), ".", tmp_path / "out")
    images, labels = (np.load(tmp_path / f"out/train/{name}.npy") for name in ("images", "labels"))
    assert (images == 3).all()
    assert labels.tolist() == [0, 1, 0]


def network_code(forward: str) -> str:
    return f"""@model("net")
def build(channels, size, classes):
    return Net(channels * size**2, classes)
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.last = nn.Linear(inputs, classes)
    def forward(self, x):
        {forward}
"""


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            "return self.last(x.flatten(1))[:, :2]",
            "makes torch.float32 (2, 2) of 2 images, ",
        ),
        ("return [self.last(x.flatten(1))]", "makes list of images, expected a tensor of logits"),
        ("return self.last(x.flatten(1)) / 0", "makes logits that are not finite"),
        ("return self.last((x - x.mean(0)).flatten(1))", "the logits of an image depend on the im"),
        (
            "return self.last(x.flatten(1) * (1 if x.sum().item() > -1e9 else 2))",
            "its gradient cannot be taken for each image by itself",
        ),
    ],
)
def test_a_network_that_cannot_be_attacked_is_refused(
    tmp_path: Path, forward: str, message: str
) -> None:
    use(tmp_path, network_code(forward))
    assert message in refused(models.build, "net", 1, 8, 3, 0)


def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    use(tmp_path, network_code("return self.last(x.flatten(1))"))
    network = models.build("net", 1, 8, 3, seed=0)
    facts = {"model": "net", "channels": 1, "size": 8, "classes": 3}
    models.save_weights(tmp_path / "w.safetensors", network, facts)
    again, _ = models.load_model(tmp_path / "w.safetensors")
    assert torch.equal(again.last.weight, network.last.weight)
    assert torch.equal(models.build("net", 1, 8, 3, seed=0).last.bias, network.last.bias)


SQUARE = """@policy("noise", parameters={"high": 9})
def apply(images, streams, high):
    drawn = [torch.randint(high, images.shape[1:], generator=s) for s in streams]
    return torch.stack(drawn).to(torch.uint8)
import torch
"""


def test_a_transformation_draws_from_the_stream_of_each_image(tmp_path: Path) -> None:
    use(tmp_path, SQUARE)
    assert policies.parse("3-1-7+noise").members == ((3, 1, 7), ("noise",))
    assert split("only-noise").augment == "policy"
    policy = policies.parse("noise")
    assert policies.read(_file(tmp_path, policy)) == policy
    images = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    drawn, signs = torch.zeros(3, dtype=torch.int64), torch.ones(3, 3)
    seeds = torch.tensor([4, 5, 6])
    made = transform_policy(images, policy.members, drawn, signs, seeds)
    turned = transform_policy(images, policy.members, drawn, signs, seeds.flip(0))
    assert torch.equal(turned, made.flip(0))
    assert not torch.equal(made[0], made[1])
    assert made.max() < 9


def _file(folder: Path, policy: policies.Policy) -> Path:
    write_json(folder / "p.json", policies.to_json(policy))
    return folder / "p.json"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return images.float()", "returned torch.float32 (3, 1, 8, 8), expected torch.uint8 (3,"),
        ("return images[:, :, 1:]", "returned torch.uint8 (3, 1, 7, 8), expected torch.uint8"),
        ("return None", "returned NoneType, expected a tensor of images"),
        ("return images + len(images)", "makes something else of an image by itself than beside"),
    ],
)
def test_a_transformation_of_another_form_is_told(tmp_path: Path, body: str, message: str) -> None:
    # A name of its own: what depends on neighbours is tried once.
    name = f"p{abs(hash(body))}"
    use(tmp_path, f"@policy('{name}')\ndef apply(images, streams):\n    {body}\n")
    images = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    rest = torch.zeros(3, dtype=torch.int64), torch.ones(3, 3), torch.arange(3)
    assert message in refused(transform_policy, images, ((name,),), *rest)


def test_what_depends_on_neighbours_is_told_though_the_first_image_had_none(tmp_path: Path) -> None:
    use(tmp_path, "@policy('late')\ndef apply(images, streams):\n    return images + len(images)\n")

    def transform(count: int) -> torch.Tensor:
        images = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
        rest = torch.zeros(count, dtype=torch.int64), torch.ones(count, 3), torch.arange(count)
        return transform_policy(images, (("late",),), *rest)

    assert (transform(1) == 1).all()
    assert "of an image by itself than beside" in refused(transform, 3)


def test_a_defence_is_of_each_gradient_with_its_own_stream(tmp_path: Path) -> None:
    use(
        tmp_path,
        "@defence('add')\ndef apply(gradients, generator):\n"
        "    return [g + torch.rand(g.shape, generator=generator) for g in gradients]\n"
        "import torch\n",
    )
    defence = defence_names.parse("add")
    assert defence.name == "add"
    given = [torch.zeros(2, 3, 4), torch.zeros(2, 5)]
    both = defences.apply(defence, given, (3, 8), 0, "defence")
    alone = defences.apply(defence, [g[1:] for g in given], (8,), 0, "defence")
    assert [tuple(g.shape) for g in both] == [(2, 3, 4), (2, 5)]
    assert all(torch.equal(b[1:], a) for b, a in zip(both, alone, strict=True))
    assert not torch.equal(both[1][0], both[1][1])
    assert not any(g.any() for g in given)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return gradients[0]", "returned Tensor, expected a list of tensors"),
        ("return gradients[:1]", "returned tensors of [(4,)], expected those of [(4,), (5,)]"),
        ("return [g / 0 for g in gradients]", "returned numbers that are not finite in tensor 0"),
    ],
)
def test_a_defence_of_another_form_is_told(tmp_path: Path, body: str, message: str) -> None:
    use(tmp_path, f"@defence('d')\ndef apply(gradients, generator):\n    {body}\n")
    given = [torch.ones(1, 4), torch.ones(1, 5)]
    defence = defence_names.parse("d")
    assert message in refused(defences.apply, defence, given, (0,), 0, "x")


def attacked(parameters: dict[str, object]) -> attacks.Reconstruction:
    network = models.build("lenetzhu", 1, 12, 3, seed=0).eval()
    images = torch.randn(2, 1, 12, 12)
    labels = torch.tensor([0, 2])
    box = (torch.full((1, 1, 1, 1), -1.0), torch.ones(1, 1, 1, 1))
    gradients = per_image_gradients(network, images, labels)
    shared = Shared(gradients, labels, (1, 12, 12), box)
    return attacks.reconstruct(network, shared, parameters, [4, 9], 0)


def test_an_attack_may_return_images_alone(tmp_path: Path) -> None:
    (code,) = (
        text
        for name, text in examples((ROOT / "docs/guides/own-attack.md").read_text()).items()
        if name == "my_attack.py"
    )
    (tmp_path / "mine.py").write_text(code)
    known.register(reading.read(tmp_path / "mine.py"))
    costs = []
    for steps in (0, 30):
        own = {"steps": steps, "rate": 0.05}
        found = attacked({"method": "least-squares", "parameters": own})
        assert found.x.shape == (2, 1, 12, 12)
        assert found.status == ["ok", "ok"]
        costs.append(found.cost)
    assert (costs[1] < costs[0]).all()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "returned NoneType, expected a Reconstruction"),
        ("return torch.tensor(1.0)", "returned x of torch.float32 (), expected floating point (2,"),
        ("return torch.zeros(2, 12, 12)", "returned x of torch.float32 (2, 12, 12), expected floa"),
        (
            "return torch.full((2, 1, 12, 12), torch.nan)",
            "returned x with values that are not fini",
        ),
        ("return made(status=['fine', 'ok'])", "returned the status 'fine', expected ok or failed"),
        ("return made(cost=torch.zeros(3))", "returned cost of (3,), expected (2, ...)"),
        ("return made(cost=torch.tensor(1.0))", "returned cost of (), expected (2, ...)"),
        ("return made(reason=[''])", "returned 1 of reason, expected 2"),
        ("return made(status=None)", "returned NoneType of status, expected 2"),
        ("return made(curve_iterations=[0])", "a curve of (2, 1) at iterations of list, expected"),
        ("return made(curve=torch.zeros(2, 3))", "a curve of (2, 3) at iterations of (1,), expect"),
    ],
)
def test_an_attack_of_another_form_is_told(tmp_path: Path, body: str, message: str) -> None:
    code = f"""@attack("a")
def reconstruct(model, shared, parameters, images, seed, **how):
    {body}
import torch
from reveil.attacks import Reconstruction
def made(**changes):
    two = torch.zeros(2)
    facts = dict(x=torch.zeros(2, 1, 12, 12), cost=two, iterations=two, seconds=two,
        status=["ok"] * 2, reason=[""] * 2, curve=two[:, None], curve_iterations=torch.zeros(1))
    return Reconstruction(**{{**facts, **changes}})
"""
    use(tmp_path, code)
    assert message in refused(attacked, {"method": "a"})
