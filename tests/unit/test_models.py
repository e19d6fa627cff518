"""Names, shapes, initialisation and checkpoints of the networks."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from reveil.captions import batch_norm_note
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.models import build, check_name, load_model, parameter_count, parse, save_weights
from reveil.models.names import has_batch_norm

METADATA = {"model": "lenetzhu", "channels": "1", "size": "28", "classes": "10"}


@pytest.mark.parametrize(
    ("name", "family", "width", "layers"),
    [
        ("resnet20-4", "resnet20", 64, 19),
        ("resnet20-1", "resnet20", 16, 19),
        ("convnet", "convnet", 64, 8),
        ("convnet-9", "convnet", 64, 9),
        ("convnet-w16", "convnet", 16, 8),
        ("convnet-9-w8", "convnet", 8, 9),
        ("lenetzhu", "lenetzhu", 12, 3),
    ],
)
def test_a_name_says_family_width_and_layers(name, family, width, layers):
    architecture = parse(name)
    assert (architecture.family, architecture.width, architecture.layers) == (family, width, layers)


@pytest.mark.parametrize(
    "name",
    ["resnet20", "resnet20-0", "resnet20-04", "resnet20-17", "convnet-8", "convnet-w0"]
    + ["convnet-w16-9", "ConvNet", "convnet-w9999", "lenet", "", "resnet20-4 "],
)
def test_other_names_are_refused_with_what_is_allowed(name):
    with pytest.raises(ReveilError, match="allowed: resnet20-") as caught:
        check_name(name)
    assert repr(name) in str(caught.value)


def test_a_misspelt_name_brings_the_nearest():
    with pytest.raises(ReveilError, match="did you mean 'resnet20-4'"):
        check_name("resnet-20-4")


@pytest.mark.parametrize(
    ("name", "right"), [("convnet-w64", "'convnet'"), ("convnet-9-w64", "'convnet-9'")]
)
def test_an_architecture_has_one_name(name, right):
    with pytest.raises(ReveilError, match=f"is called {right}"):
        check_name(name)


def test_names_are_known_without_torch():
    code = "import sys, reveil.models as m; m.check_name('convnet'); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "channels", "size", "classes", "parameters", "tensors"),
    [
        ("resnet20-4", 3, 32, 100, 4_350_884, 65),
        ("resnet20-4", 3, 32, 10, 4_327_754, 65),
        ("resnet20-4", 1, 28, 10, 4_326_602, 65),
        ("resnet20-4", 3, 64, 200, 4_376_584, 65),
        ("resnet20-1", 1, 32, 10, 272_186, 65),
        ("convnet", 3, 32, 100, 3_112_420, 34),
        ("convnet", 3, 32, 10, 2_904_970, 34),
        ("convnet", 1, 28, 10, 2_903_818, 34),
        ("convnet", 1, 32, 10, 2_903_818, 34),
        ("convnet-9", 3, 32, 100, 3_703_012, 38),
        ("convnet-9", 1, 28, 10, 3_494_410, 38),
        ("lenetzhu", 3, 32, 100, 85_036, 8),
    ],
)
def test_parameter_and_tensor_counts_of_the_papers(
    name, channels, size, classes, parameters, tensors
):
    model = build(name, channels, size, classes)
    assert parameter_count(model) == parameters
    assert len(list(model.parameters())) == tensors


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "lenetzhu"])
def test_a_name_says_whether_there_is_batch_norm(name):
    layers = build(name, 1, 28, classes=10, seed=0).modules()
    assert has_batch_norm(name) == any(isinstance(layer, nn.BatchNorm2d) for layer in layers)
    note = batch_norm_note(pd.DataFrame({"model": ["convnet", name, name]}))
    assert (f"in {name}:" in note) == (not has_batch_norm(name))


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "convnet-9-w4", "lenetzhu"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_every_network_takes_every_image(name, channels, size):
    model = build(name, channels, size, classes=7, seed=0)
    assert model(torch.rand(2, channels, size, size)).shape == (2, 7)


def test_convnet_pools_by_three_with_stride_three():
    model = build("convnet-w4", 1, 32, 10, seed=0).eval()
    seen = []
    model.before_pool.register_forward_hook(lambda _m, _i, y: seen.append(y.shape[-1]))
    model.after_pool.register_forward_hook(lambda _m, _i, y: seen.append(y.shape[-1]))
    model(torch.rand(1, 1, 32, 32))
    assert seen == [32, 10]
    assert model.fc.in_features == 16 * 3 * 3


def test_resnet_stages_halve_the_image_and_double_the_width():
    model = build("resnet20-1", 3, 32, 10, seed=0).eval()
    shapes = []
    for stage in (model.stage1, model.stage2, model.stage3):
        stage.register_forward_hook(lambda _m, _i, y: shapes.append(tuple(y.shape[1:])))
    model(torch.rand(1, 3, 32, 32))
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    with_shortcut = [n for n, m in model.named_modules() if n.endswith("shortcut.0")]
    assert with_shortcut == ["stage2.0.shortcut.0", "stage3.0.shortcut.0"]


def test_parameters_come_in_forward_order():
    names = [name for name, _ in build("resnet20-1", 1, 32, 10).named_parameters()]
    assert names[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert names[3] == "stage1.0.conv1.weight"
    assert names[-2:] == ["fc.weight", "fc.bias"]
    convnet = [name for name, _ in build("convnet-w4", 1, 32, 10).named_parameters()]
    assert convnet[0] == "before_pool.0.conv.weight"
    assert convnet[24] == "after_pool.0.conv.weight"
    assert convnet[-1] == "fc.bias"


def test_resnet_starts_kaiming_normal_by_fan_out():
    model = build("resnet20-4", 3, 32, 100, seed=3)
    for conv in (m for m in model.modules() if isinstance(m, nn.Conv2d)):
        fan_out = conv.out_channels * conv.kernel_size[0] ** 2
        expected = (2 / fan_out) ** 0.5
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.08)
        assert abs(conv.weight.mean().item()) < 0.1 * expected
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm2d)):
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))
        assert not norm.bias.any()
    assert model.fc.weight.abs().max().item() <= 1 / 16


def test_lenetzhu_starts_uniform_on_half_an_interval():
    for parameter in build("lenetzhu", 3, 32, 100, seed=0).parameters():
        assert parameter.abs().max() <= 0.5
        if parameter.numel() > 100:
            assert parameter.std().item() == pytest.approx(12**-0.5, rel=0.1)


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "lenetzhu"])
def test_the_seed_decides_the_weights(name):
    first, again, other = (build(name, 1, 32, 10, seed=s).state_dict() for s in (5, 5, 6))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


def test_without_a_seed_every_network_is_another():
    first, other = (build("lenetzhu", 1, 28, 10).fc.weight for _ in range(2))
    assert not torch.equal(first, other)


@pytest.mark.parametrize("seed", [None, 1])
def test_building_leaves_the_global_random_state(seed):
    before = torch.get_rng_state()
    build("resnet20-1", 1, 32, 10, seed=seed)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((2, 32, 10), "channels: 2"), ((1, 8, 10), "size: 8"), ((1, 32, 1), "classes: 1")],
)
def test_images_no_network_can_take_are_refused(arguments, message):
    with pytest.raises(ReveilError, match=message):
        build("convnet", *arguments)


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "lenetzhu"])
def test_per_image_gradients_equal_those_of_one_image_at_a_time(name):
    model = build(name, 1, 28, 10, seed=0).double().eval()
    x, labels = torch.rand(3, 1, 28, 28, dtype=torch.float64), torch.tensor([1, 9, 1])
    together = per_image_gradients(model, x, labels)
    for i in range(3):
        loss = nn.functional.cross_entropy(model(x[i : i + 1]), labels[i : i + 1])
        alone = torch.autograd.grad(loss, tuple(model.parameters()))
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a, b[i])


@pytest.mark.parametrize("name", ["resnet20-1", "convnet-w4", "lenetzhu"])
def test_a_checkpoint_gives_the_same_network_back(tmp_path, name):
    model = build(name, 1, 28, 10, seed=1)
    model(torch.rand(4, 1, 28, 28))
    model = model.to(memory_format=torch.channels_last).eval()
    path = tmp_path / "deep" / "weights.safetensors"
    save_weights(path, model, {**METADATA, "model": name, "policy": "3-1-7"})
    loaded, metadata = load_model(path)
    assert metadata["policy"] == "3-1-7"
    assert not loaded.training
    assert [n for n, _ in loaded.named_parameters()] == [n for n, _ in model.named_parameters()]
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    assert all(p.requires_grad and p.device.type == "cpu" for p in loaded.parameters())
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(loaded(x), model(x))


def test_loading_leaves_the_global_random_state(checkpoint):
    before = torch.get_rng_state()
    load_model(checkpoint)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, build("lenetzhu", 1, 28, 10, seed=0), METADATA)
    return path


def damage(path, change):
    """Rewrite the checkpoint with its tensors and metadata changed by ``change``."""
    tensors, metadata = load_file(path), dict(METADATA)
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReveilError, match=r"nowhere\.safetensors: there is no such file"):
        load_model(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 200, -1, -1000])
def test_a_truncated_file_is_damaged(checkpoint, keep):
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(ReveilError, match=r"weights\.safetensors: the file is damaged"):
        load_model(checkpoint)


def test_a_flipped_bit_in_a_weight_is_noticed(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[-3] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(ReveilError, match="the tensors are not those that were saved"):
        load_model(checkpoint)


def test_a_pickle_is_not_loaded(checkpoint):
    torch.save({"fc.weight": torch.zeros(1)}, checkpoint)
    with pytest.raises(ReveilError, match="not in safetensors format"):
        load_model(checkpoint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, m: t.update({"fc.weight": torch.zeros(10, 12)}), r"'fc.weight' is float32 \(10"),
        (lambda t, m: t.update({"fc.bias": t["fc.bias"].double()}), "'fc.bias' is float64"),
        (lambda t, m: t.pop("conv2.bias"), "'conv2.bias' of lenetzhu is missing"),
        (lambda t, m: t.update({"extra": torch.zeros(1)}), "'extra' does not belong"),
        (lambda t, m: m.pop("classes"), "metadata lacks classes"),
        (lambda t, m: m.update(size="big"), "metadata is damaged.*'big'"),
        (lambda t, m: m.update(model="lenet5"), "model: 'lenet5' is not allowed"),
        (lambda t, m: m.update(channels="2"), "channels: 2 is not allowed"),
    ],
)
def test_a_checkpoint_of_something_else_says_what_is_wrong(checkpoint, change, message):
    damage(checkpoint, change)
    with pytest.raises(ReveilError, match=message) as caught:
        load_model(checkpoint)
    assert str(checkpoint) in str(caught.value)


def test_a_checkpoint_must_say_what_it_holds(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ReveilError, match="metadata lacks model, size"):
        save_weights(path, build("lenetzhu", 1, 28, 10), {"channels": "1", "classes": "10"})
    assert not path.exists()


def test_a_flipped_byte_in_the_tensors_is_noticed(tmp_path) -> None:
    path = tmp_path / "weights.safetensors"
    model = build("lenetzhu", channels=1, size=32, classes=10, seed=0)
    facts = {"model": "lenetzhu", "channels": "1", "size": "32", "classes": "10"}
    save_weights(path, model, facts)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ReveilError, match="weights .*not those that were saved"):
        load_model(path)
