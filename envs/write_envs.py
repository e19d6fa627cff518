"""Write envs/torch.yaml and envs/plot.yaml from envs/lock.txt (``--check`` only compares).

Each environment is a few packages that its scripts import, and all that these need, at the
versions of the lock.
"""

import argparse
import re
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
PYTHON = "python >=3.11,<3.14"
ENVIRONMENTS = {
    "torch": ["torch", "torchvision", "torchmetrics", "numba", "numpy", "pandas", "psutil", "scipy"]
    + ["safetensors", "scikit-image", "pooch", "requests", "pillow", "jsonschema", "pyyaml"],
    "plot": ["matplotlib", "seaborn", "numpy", "pandas", "psutil", "scipy", "pillow", "jsonschema"]
    + ["pyyaml", "rocrate"],
}


def read_lock(path: Path = HERE / "lock.txt") -> dict[str, str]:
    """Return {canonical package name: version} of the lock."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pins = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): version for name, version in pins}


def closure(packages: list[str], lock: dict[str, str]) -> list[str]:
    """Return ``packages`` and all they need that the lock pins, sorted."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in packages]
    while waiting:
        name = waiting.pop()
        if name in found or name not in lock:
            continue
        found.add(name)
        try:
            needs = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            sys.exit(f"{name} is in the lock but not installed: run `make setup` first")
        waiting += [
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    return sorted(found)


def render(name: str, lock: dict[str, str]) -> str:
    """Return the text of envs/{name}.yaml."""
    pins = "\n".join(f"      - {p}=={lock[p]}" for p in closure(ENVIRONMENTS[name], lock))
    return (
        "# Written by envs/write_envs.py from envs/lock.txt: edit that, not this.\n"
        f"name: reveil-{name}\nchannels:\n  - conda-forge\n  - nodefaults\n"
        f"dependencies:\n  - {PYTHON}\n  - pip\n  - pip:\n{pins}\n"
    )


def main() -> None:
    """Write the files, or with ``--check`` exit with 1 if one differs."""
    parser = argparse.ArgumentParser(description=re.sub(r"\s+", " ", __doc__ or ""))
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    lock = read_lock()
    for name in ENVIRONMENTS:
        path = HERE / f"{name}.yaml"
        text = render(name, lock)
        if check and (not path.exists() or path.read_text() != text):
            sys.exit(f"{path} differs from envs/lock.txt: run python envs/write_envs.py")
        if not check:
            path.write_text(text)


if __name__ == "__main__":
    main()
