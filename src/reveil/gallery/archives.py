"""Where the pictures of a row lie."""

from collections.abc import Iterable
from pathlib import Path

from reveil.errors import ReveilError

# Folders of an archive, from the one that holds the others; see results/README.md.
PLACE = ("protocol", "dataset", "model", "policy", "recipe", "seed", "attack", "defence")
_SEED = "seed"


def by_place(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return each archive with the values of ``PLACE`` that its folders tell, all of them text.

    Raises:
        ReveilError: a path that is no place of an attack.
    """
    found = {}
    for path in paths:
        folders = list(Path(path).parts[-len(PLACE) - 1 : -1])
        seed = PLACE.index(_SEED)
        if len(folders) < len(PLACE) or not folders[seed].startswith(_SEED):
            allowed = "/".join(f"{{{name}}}" for name in PLACE).replace("{seed}", "seed{seed}")
            raise ReveilError(
                f"{path}: is no archive of attacked images; "
                f"allowed: results/{{run}}/{{study}}/attacks/{allowed}/{{block}}.npz"
            )
        folders[seed] = folders[seed].removeprefix(_SEED)
        found[path] = tuple(folders)
    return found
