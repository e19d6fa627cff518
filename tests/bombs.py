"""Pickles that run something when they are loaded carelessly: they make a file, the canary."""

import builtins
import copyreg
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path


def short(text: str) -> bytes:
    """Return the opcodes that push a text of less than 256 bytes."""
    content = text.encode()
    return b"\x8c" + bytes([len(content)]) + content


def touch(path: Path) -> str:
    """Return Python code that makes the file."""
    return f"open({str(path)!r}, 'w').close()"


class _Calls:
    """What is pickled as a call."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


class _Nested:
    """What hides the call in the state of another object, and in its items."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __reduce__(self) -> tuple:
        return dict, (), None, None, iter([("data", self.inner)])


def bombs(canary: Path) -> dict[str, bytes]:
    """Return pickles by how they attack; each makes ``canary`` if it is loaded by ``pickle``."""
    shell, code = f"touch '{canary}'", touch(canary)
    system = _Calls(os.system, shell)
    stack_global = short("posix") + short("system") + b"\x93" + short(shell) + b"\x85R"
    # As pickletools shows it: MEMOIZE under 0, POP, BINGET 0 as the function of the call.
    memo = b"\x80\x04" + short("posix") + short("system") + b"\x93\x940h\x00" + short(shell)
    frame = b"}" + short("data") + stack_global + b"s."
    return {
        "os.system": pickle.dumps(system, protocol=2),
        "os.system, as text": pickle.dumps(system, protocol=0),
        "os.system, protocol 4": pickle.dumps(system, protocol=4),
        "os.system, protocol 5": pickle.dumps(system, protocol=5),
        "builtins.eval": pickle.dumps(_Calls(eval, f"[{code}]"), protocol=2),
        "builtins.exec": pickle.dumps(_Calls(exec, code), protocol=4),
        "as an item of a dict": pickle.dumps({"data": system}, protocol=2),
        "as a key": b"\x80\x04}" + stack_global + b"K\x01s.",
        "in a nested object": pickle.dumps({"data": [_Nested(system)]}, protocol=4),
        "a global taken from the memo": memo + b"\x85R.",
        "a frame of protocol 4": b"\x80\x04\x95" + struct.pack("<Q", len(frame)) + frame,
        "old INST": f"(S{shell!r}\niposix\nsystem\n.".encode(),
        "old OBJ": b"(cposix\nsystem\n" + short(shell) + b"o.",
        "getattr on a module": pickle.dumps(_Calls(_attribute, "system"), protocol=2).replace(
            f"{__name__}\n_attribute".encode(), b"operator\nattrgetter"
        ),
        "by a dotted name": b"\x80\x04"
        + short("os")
        + short("path.os.system")
        + b"\x93"
        + short(shell)
        + b"\x85R.",
        "import by __import__": pickle.dumps(
            _Calls(builtins.__import__, "antigravity_does_not_exist"), protocol=2
        ),
    }


def _attribute(name: str) -> str:
    return name


class Registered:
    """The extension registry with a function in it, while the block runs.

    An opcode of two bytes then stands for it; ``pickle`` knows it by no name in the file.
    """

    def __init__(self, module: str, name: str, code: int) -> None:
        self.entry = module, name, code

    def __enter__(self) -> bytes:
        copyreg.add_extension(*self.entry)
        return b"\x82" + bytes([self.entry[2]])

    def __exit__(self, *_: object) -> None:
        copyreg.remove_extension(*self.entry)
