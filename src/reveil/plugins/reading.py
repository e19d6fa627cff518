"""The names that a plug-in file gives, read from its syntax: nothing of it is run.

Used while the graph is planned. A decorator's arguments have to be literals, so that what a plan
says of them is what a job finds.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from reveil.digest import data_digest
from reveil.errors import ReveilError, not_allowed
from reveil.plugins.known import (
    ATS,
    DATASET,
    KINDS,
    METHODS,
    OF_STUDY,
    POLICY,
    STUDIES,
    Declared,
)

HOME = "reveil.plugins"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# What a decorator of a dataset says: each whole number with its bounds, and which must be there.
WHOLE: Mapping[str, tuple[int, int]] = {
    "classes": (1, 100_000),
    "size": (8, 1024),
    "channels": (1, 3),
    "train": (1, 10**9),
    "test": (1, 10**9),
}
OTHERS = ("mean", "std", "title")

Define = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def read(path: Path) -> list[Declared]:
    """Return what the file at ``path`` gives, in its order.

    Raises:
        ReveilError: the file is missing or no Python, gives nothing, or a decorator does not say
            what it has to; file and line are named.
    """
    tree = _parsed(path)
    decorators = _Decorators(path, tree)
    digest = _digest(path)
    found = [_declared(path, digest, *one) for one in decorators.used()]
    if not found:
        raise ReveilError(
            f"{path.name}: registers nothing; allowed: a file with one of the decorators "
            f"{', '.join(KINDS)} of {HOME}"
        )
    for place, one in enumerate(found):
        same = next((other for other in found[:place] if other.key == one.key), None)
        if same:
            raise ReveilError(
                f"{one.where}: {one.kind} {one.name!r} is registered on line {same.line} already"
            )
    return found


class _Decorators:
    """The decorators of this package in a file."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path, self.tree = path, tree
        self.names: dict[str, str] = {}
        self.modules: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                self._from(node)
            elif isinstance(node, ast.Import):
                homes = [alias for alias in node.names if alias.name == HOME]
                self.modules |= {alias.asname or HOME for alias in homes}

    def _from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if node.module == HOME and alias.name in KINDS:
                self.names[alias.asname or alias.name] = alias.name
            elif (node.module, alias.name) == ("reveil", "plugins"):
                self.modules.add(alias.asname or alias.name)

    def used(self) -> Iterator[tuple[str, ast.Call, Define]]:
        """Yield the kind and the call of each decorator at the top level, and what it decorates.

        Raises:
            ReveilError: one stands elsewhere, or is not called.
        """
        calls = [
            (kind, decorator, node)
            for node in self.tree.body
            if isinstance(node, Define)
            for decorator in node.decorator_list
            if (kind := self._kind(decorator))
        ]
        right = {id(call) for _, call, _ in calls}
        for node in ast.walk(self.tree):
            wrong = [one for one in getattr(node, "decorator_list", ()) if self._named(one)]
            if isinstance(node, ast.Call) and self._kind(node) and id(node) not in right:
                wrong = [node]
            if wrong:
                _refuse(
                    self.path,
                    wrong[0],
                    "a plug-in registers by decorators with a name, such as "
                    '@model("my-net"), at the top level of its file',
                )
        yield from calls

    def _kind(self, node: ast.expr) -> str | None:
        return self._named(node.func) if isinstance(node, ast.Call) else None

    def _named(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in self.modules:
            return node.attr if node.attr in KINDS else None
        return None


def _declared(path: Path, digest: str, kind: str, call: ast.Call, node: Define) -> Declared:
    said = _arguments(path, kind, call)
    name, study = said.pop("name"), said.pop("study", ATS if kind in OF_STUDY else "")
    parameters = said.pop("parameters", None) or {}
    if not isinstance(name, str) or not NAME.fullmatch(name):
        _refuse(path, call, f"name: {name!r} is not allowed; allowed: lower case, digits, hyphens")
    if kind in OF_STUDY and study not in STUDIES:
        _refuse(path, call, not_allowed("study", study, STUDIES))
    if not isinstance(parameters, dict) or not all(
        isinstance(key, str) and key.isidentifier() for key in parameters
    ):
        _refuse(path, call, f"parameters: {parameters!r} is not allowed; allowed: values by name")
    if kind == DATASET:
        _check_dataset(path, call, said)
    if kind == POLICY and study == ATS:
        said["methods"] = _methods(path, node)
    return Declared(kind, study, name, str(path), call.lineno, digest, parameters, said)


def _arguments(path: Path, kind: str, call: ast.Call) -> dict[str, Any]:
    """Return the arguments of a decorator by name."""
    allowed = {"name": None}
    allowed |= dict.fromkeys((*WHOLE, *OTHERS) if kind == DATASET else ("parameters",))
    allowed |= {"study": None} if kind in OF_STUDY else {}
    given = {"name": call.args[0]} if call.args else {}
    if len(call.args) > 1:
        _refuse(path, call.args[1], f"allowed after the name: {', '.join([*allowed][1:])}, by name")
    for word in call.keywords:
        if word.arg not in allowed:
            _refuse(path, word.value, not_allowed("argument", word.arg, allowed))
        given[word.arg] = word.value
    if "name" not in given:
        _refuse(path, call, f"{kind}: the name is missing")
    return {key: _literal(path, key, node) for key, node in given.items()}


def _methods(path: Path, node: Define) -> list[str]:
    """Return which of ``METHODS`` a transformation has; a function has none."""
    if not isinstance(node, ast.ClassDef):
        return []
    found = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
    its = f"the body of class {node.name}"
    if "apply" not in found:
        _refuse(path, node, f"{its} has no method apply(self, images, streams)")
    for one, other in (("draws", "seen"), ("seen", "draws")):
        if one in found and other not in found:
            _refuse(path, node, f"{its} has {one} and no {other}; allowed: both")
    return [name for name in METHODS if name in found]


def _literal(path: Path, key: str, node: ast.expr) -> Any:
    try:
        # As jobs learn of it: a tuple is a list there.
        return json.loads(json.dumps(ast.literal_eval(node)))
    except (ValueError, TypeError):
        _refuse(
            path,
            node,
            f"{key}: {ast.unparse(node)} is not allowed; allowed: a literal of numbers, texts, "
            "True, False, None, lists and mappings, which plans read without running the file",
        )


def _check_dataset(path: Path, call: ast.Call, said: Mapping[str, Any]) -> None:
    for key, (least, most) in WHOLE.items():
        value = said.get(key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not least <= value <= most or (key == "channels" and value == 2):
            words = "1 or 3" if key == "channels" else f"a whole number from {least} to {most}"
            _refuse(path, call, f"{key}: {value!r} is not allowed; allowed: {words}")
    for key in ("mean", "std"):
        values = said.get(key)
        if values is None:
            continue
        right = isinstance(values, list) and len(values) == said["channels"]
        if not right or not all(isinstance(v, int | float) and 0 <= v <= 1 for v in values):
            words = "a number from 0 to 1 for each channel"
            _refuse(path, call, f"{key}: {values!r} is not allowed; allowed: {words}")
        if key == "std" and not all(values):
            _refuse(path, call, f"std: {values!r} is not allowed; allowed: numbers above 0")
    if not isinstance(said.get("title", ""), str):
        _refuse(path, call, f"title: {said['title']!r} is not allowed; allowed: a text")


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise ReveilError(f"{path.name}, line {error.lineno}: SyntaxError: {error.msg}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ReveilError(f"{path.name}: cannot be read: {reason} ({path})") from error


def _digest(path: Path) -> str:
    """Return 16 hex digits of the syntax of a file and of all that it imports from beside it."""
    found: dict[str, str] = {}
    _collect(path, path.parent, found)
    return data_digest(sorted(found.items()))


def _collect(path: Path, folder: Path, found: dict[str, str]) -> None:
    name = path.relative_to(folder).as_posix()
    if name in found:
        return
    tree = _parsed(path)
    found[name] = data_digest(_syntax(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = path.parents[node.level - 1] if node.level <= len(path.parents) else path.parent
            parts = node.module.split(".") if node.module else []
            # The packages on the way are run, too.
            names = [parts[:depth] for depth in range(1, len(parts) + 1)]
            names += [[*parts, alias.name] for alias in node.names]
            for beside in filter(None, (_module(home.joinpath(*name)) for name in names)):
                if beside.is_relative_to(folder):
                    _collect(beside, folder, found)


def _syntax(tree: ast.Module) -> list[dict[str, Any]]:
    """Return what a file says, node by node.

    The same in all versions of Python, as a job may have another than the plan: later ones have
    more fields, which are empty for what earlier ones can read.
    """
    return [
        {name: _shape(value) for name, value in ast.iter_fields(node) if value not in (None, [])}
        for node in ast.walk(tree)
    ]


def _shape(value: Any) -> Any:
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return type(value).__name__ if isinstance(value, ast.AST) else repr(value)


def _module(path: Path) -> Path | None:
    candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _refuse(path: Path, node: ast.AST, message: str) -> NoReturn:
    raise ReveilError(f"{path.name}, line {node.lineno}: {message}")
