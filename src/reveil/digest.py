"""Digests of code and data, so that a result knows what it was made from."""

import ast
import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "reveil"


def data_digest(value: Any) -> str:
    """Return 16 hex digits that identify a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code_digest(*modules: str) -> str:
    """Return 16 hex digits that identify the syntax of ``modules`` and of all they import here.

    Imports are followed within the package only. Comments, formatting and docstrings do not
    count, so that none of them reruns anything; every other edit does.

    Raises:
        ModuleNotFoundError: a module that does not exist.
    """
    found: dict[str, str] = {}
    for module in modules:
        _collect(module, found)
    return data_digest(sorted(found.items()))


def script_digest(path: str | Path) -> str:
    """Return :func:`code_digest` of all modules of this package that a script imports."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=str(path))
    return code_digest(*sorted(set(_imports(tree, "__main__"))))


def _collect(module: str, found: dict[str, str]) -> None:
    if module in found:
        return
    digest, imports = _parse(module)
    found[module] = digest
    for name in imports:
        _collect(name, found)


@cache
def _parse(module: str) -> tuple[str, tuple[str, ...]]:
    path = _source(module)
    if path is None:
        raise ModuleNotFoundError(f"no source file for module {module!r}")
    tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    imports = tuple(sorted(set(_imports(tree, module)) - {module}))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


@cache
def _source(module: str) -> Path | None:
    # Looked up by path below the package: find_spec would import the parents of every module.
    root = find_spec(PACKAGE)
    if root is None or root.origin is None:
        return None
    base = Path(root.origin).parent.joinpath(*module.split(".")[1:])
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _imports(tree: ast.Module, module: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = (_source(module) or Path()).name == "__init__.py"
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    inside = (name for name in names if name == PACKAGE or name.startswith(f"{PACKAGE}."))
    return [name for name in inside if _source(name) is not None]
