"""Import torchvision also where its compiled operators cannot be loaded.

A wheel of torchvision built for CUDA does not load its operators beside a CPU-only PyTorch, and
then ``import torchvision`` itself fails, because it registers fake kernels for operators that
nobody has declared. Declaring their schemas is enough: reveil calls none of them.
"""

import importlib
import sys
from types import ModuleType

from reveil.errors import ReveilError

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# A torch.library.Library undoes its definitions when it is collected.
_library = None


def import_torchvision() -> ModuleType:
    """Return ``torchvision``, declaring its missing operators only if the plain import fails.

    Raises:
        ReveilError: it is not installed, or fails for another reason.
    """
    try:
        return importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        raise ReveilError(f"torchvision cannot be imported: {error}") from error
    except (ImportError, RuntimeError) as error:
        first = error
    _forget()
    _declare_operators()
    try:
        return importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        raise ReveilError(f"torchvision cannot be imported: {first}; then: {error}") from error


def _forget() -> None:
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]


def _declare_operators() -> None:
    global _library
    if _library is not None:
        return
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        name = f"torchvision::{schema.partition('(')[0]}"
        if not torch._C._jit_get_schemas_for_operator(name):
            library.define(schema)
    _library = library
