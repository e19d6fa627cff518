"""Named tensors of files that were not made here."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reveil.errors import ReveilError
from reveil.models.foreign import read_named

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(1, dtype=torch.int64)}


class Touching:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("name", "save"), [("w.safetensors", save_file), ("w.pth", torch.save), ("w", torch.save)]
)
def test_tensors_come_back_under_their_names(name, save, tmp_path: Path) -> None:
    save(TENSORS, tmp_path / name)
    found = read_named("key", str(tmp_path / name))
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[n], tensor) for n, tensor in TENSORS.items())


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("content", [None, b"", b"no weights"], ids=["missing", "empty", "text"])
def test_what_cannot_be_read_is_named_by_key_and_path(name, content, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReveilError, match=f"^key {re.escape(str(path))}: cannot be read: "):
        read_named("key", path)


def test_no_file_runs_code(tmp_path: Path) -> None:
    torch.save({"a": Touching(tmp_path / "ran")}, tmp_path / "w.pth")
    with pytest.raises(ReveilError, match="cannot be read"):
        read_named("key", tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def test_tensors_without_names_are_refused(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "w.pth")
    with pytest.raises(ReveilError, match="cannot be read: holds no named tensors"):
        read_named("key", tmp_path / "w.pth")
