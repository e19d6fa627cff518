"""LPIPS with random weights, against a plain version and against torchmetrics."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from reveil.captions import lpips_note
from reveil.errors import ReveilError
from reveil.lpips import LAYERS, SCALE, SHIFT, Lpips, load
from reveil.rng import generator
from reveil.torchvision_guard import import_torchvision


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Random weights under the names of torchvision's AlexNet and the authors' heads."""
    stream = generator(0, "test")
    tensors = {"classifier.1.weight": torch.ones(2, 2)}
    for k, (place, (inputs, outputs, kernel, *_)) in enumerate(LAYERS.items()):
        shape = (outputs, inputs, kernel, kernel)
        scale = (inputs * kernel**2) ** -0.5
        tensors[f"features.{place}.weight"] = scale * torch.randn(shape, generator=stream)
        tensors[f"features.{place}.bias"] = 0.1 * torch.randn(outputs, generator=stream)
        tensors[f"lin{k}.model.1.weight"] = torch.rand(1, outputs, 1, 1, generator=stream)
    return tensors


@pytest.fixture(scope="module")
def path(state, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("lpips") / "alex.safetensors"
    save_file(state, file)
    return file


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed, "test"))


def plain(state: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the distance of two images (3, H, W) as the paper writes it."""
    distance = 0.0
    features = []
    for image in (x, y):
        scaled = (2 * image - 1).double()
        f = torch.stack([(scaled[c] - SHIFT[c]) / SCALE[c] for c in range(3)])[None]
        of_image = []
        for place, (*_, stride, padding, pool) in LAYERS.items():
            f = functional.max_pool2d(f, 3, 2) if pool else f
            weight, bias = (state[f"features.{place}.{n}"].double() for n in ("weight", "bias"))
            f = functional.conv2d(f, weight, bias, stride, padding).clamp_min(0)
            of_image.append(f[0])
        features.append(of_image)
    for k, (a, b) in enumerate(zip(*features, strict=True)):
        weights = state[f"lin{k}.model.1.weight"].double().flatten()
        height, width = a.shape[1:]
        for i in range(height):
            for j in range(width):
                u, v = a[:, i, j], b[:, i, j]
                u, v = u / u.norm(), v / v.norm()
                distance += float((weights * (u - v) ** 2).sum()) / (height * width)
    return distance


def test_the_distance_equals_a_plain_version(state, path):
    x, y = images(3, 3, 64, 70), images(3, 3, 64, 70, seed=1)
    found = load(path)(x, y)
    assert found.dtype == torch.float64
    expected = [plain(state, a, b) for a, b in zip(x, y, strict=True)]
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_distance_equals_that_of_torchmetrics(state, tmp_path):
    import_torchvision()
    module = pytest.importorskip("torchmetrics.functional.image.lpips")
    theirs = module._LPIPS(pnet_rand=True, net="alex")
    features = {name: tensor for name, tensor in state.items() if name.startswith("features")}
    for slice_ in (theirs.net.slice1, theirs.net.slice2, theirs.net.slice3, theirs.net.slice4):
        own = {name: state[f"features.{name}"] for name in slice_.state_dict()}
        slice_.load_state_dict(own)
    theirs.net.slice5.load_state_dict(
        {name: state[f"features.{name}"] for name in theirs.net.slice5.state_dict()}
    )
    # A file without heads, as torchvision's: they are those that torchmetrics ships.
    torch.save(features, tmp_path / "alexnet.pth")
    ours = load(tmp_path / "alexnet.pth")
    x, y = images(4, 3, 64, 64), images(4, 3, 64, 64, seed=1)
    expected = theirs(x, y, normalize=True).flatten().tolist()
    assert ours(x, y).tolist() == pytest.approx(expected, rel=1e-4)
    assert all((head >= 0).all() and head.max() > 0 for head in ours.heads)


def test_equal_images_are_at_no_distance_and_small_grey_ones_are_taken(path):
    network = load(path)
    x, y = images(2, 1, 28, 28), images(2, 1, 28, 28, seed=1)
    assert network(x, x).tolist() == [0.0, 0.0]
    assert (network(x, y) > 0).all()
    larger = [
        functional.interpolate(image, (64, 64), mode="bilinear").expand(-1, 3, -1, -1)
        for image in (x, y)
    ]
    assert network(x, y).tolist() == pytest.approx(network(*larger).tolist())


def test_guesses_are_clipped_and_independent(path):
    network = load(path)
    x, y = images(3, 3, 32, 32), images(3, 3, 32, 32, seed=1)
    wild = x.where(x > 0.2, -5.0)
    assert network(wild, y).tolist() == network(wild.clamp(0, 1), y).tolist()
    assert network(x[1:2], y[1:2]).item() == pytest.approx(network(x, y)[1].item(), rel=1e-5)


def test_the_names_of_the_authors_package_are_known(state, path, tmp_path):
    slices = {"0": 1, "3": 2, "6": 3, "8": 4, "10": 5}
    renamed = {}
    for name, tensor in state.items():
        parts = name.split(".")
        known = parts[0] == "features"
        renamed[f"net.slice{slices[parts[1]]}.{parts[1]}.{parts[2]}" if known else name] = tensor
    torch.save(renamed, tmp_path / "lpips.pth")
    x, y = images(1, 3, 64, 64), images(1, 3, 64, 64, seed=1)
    assert load(tmp_path / "lpips.pth")(x, y).item() == load(path)(x, y).item()


def test_what_is_no_weights_of_alexnet_is_refused(state, tmp_path):
    with pytest.raises(ReveilError, match="none.pth: cannot be read"):
        load(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ReveilError, match="text.pth: cannot be read"):
        load(tmp_path / "text.pth")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(ReveilError, match="text.safetensors: cannot be read"):
        load(tmp_path / "text.safetensors")
    lacking = {name: tensor for name, tensor in state.items() if name != "features.3.bias"}
    save_file(lacking | {"features.0.bias": torch.ones(3)}, tmp_path / "lacking.safetensors")
    with pytest.raises(ReveilError, match="convolutions.0.bias.*3.*convolutions.1.bias.*missing"):
        load(tmp_path / "lacking.safetensors")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(ReveilError, match="list.pth: cannot be read"):
        load(tmp_path / "list.pth")


def test_no_heads_anywhere_is_said(state, tmp_path, monkeypatch):
    features = {name: tensor for name, tensor in state.items() if name.startswith("features")}
    save_file(features, tmp_path / "a.safetensors")
    monkeypatch.setattr("reveil.lpips.find_spec", lambda name: None)
    with pytest.raises(ReveilError, match="has no heads, and torchmetrics is not installed"):
        load(tmp_path / "a.safetensors")
    assert find_spec("torchmetrics") is not None


def test_weights_are_not_trained_and_stay_in_eval_mode():
    assert not any(parameter.requires_grad for parameter in Lpips().parameters())
    assert not Lpips().training


def test_captions_say_whether_there_were_weights():
    absent = "LPIPS: weights not at hand."
    assert lpips_note(pd.DataFrame({"psnr_db": [1.0]})) == absent
    assert lpips_note(pd.DataFrame({"lpips": [None, float("nan")]})) == absent
    assert lpips_note(pd.DataFrame({"lpips": [None, 0.25]})).startswith("LPIPS: AlexNet")
