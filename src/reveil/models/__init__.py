"""The networks that are trained and attacked, one file per family.

Importing this package does not import PyTorch, so that ``reveil.models.names`` can be used while
the graph of jobs is planned; the functions below are loaded at their first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reveil.models.names import Architecture, check_name, parse

if TYPE_CHECKING:
    from reveil.models.weights import load_model, save_weights
    from reveil.models.zoo import build, parameter_count

__all__ = [
    "Architecture",
    "build",
    "check_name",
    "load_model",
    "parameter_count",
    "parse",
    "save_weights",
]

_HOMES = {
    "build": "reveil.models.zoo",
    "parameter_count": "reveil.models.zoo",
    "load_model": "reveil.models.weights",
    "save_weights": "reveil.models.weights",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
