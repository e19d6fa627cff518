"""The examples of the guides to plug-ins, as files."""

import re
from pathlib import Path

from tests.workflow import ROOT

GUIDES = ("own-dataset", "own-model", "own-policy", "own-attack", "own-defence")
_BLOCK = re.compile(r"^```python\n# (my_\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(text: str) -> dict[str, str]:
    """Return {name of the file: content} of the plug-ins in the text of a guide."""
    return {name: f"# {name}\n{code}" for name, code in _BLOCK.findall(text)}


def write_examples(folder: Path) -> list[str]:
    """Write the plug-ins of all guides to a folder; return their names."""
    found: dict[str, str] = {}
    for guide in GUIDES:
        found |= examples((ROOT / f"docs/guides/{guide}.md").read_text())
    for name, content in found.items():
        (folder / name).write_text(content)
    return sorted(found)
