"""Attacks on gradients that plug-ins give: called as all here are, and their results checked."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.interface import Reconstruction
from reveil.batch_gradients import problem_gradients
from reveil.plugins import calling, known
from reveil.scene import Shared


def reconstruct(
    model: nn.Module,
    shared: Shared,
    parameters: Mapping[str, Any],
    images: Sequence[int],
    seed: int,
    **how: Any,
) -> Reconstruction:
    """Attack a block as a plug-in does; see :func:`reveil.attacks.reconstruct`.

    The plug-in gets the keys of every attack and its own parameters in one mapping.

    Raises:
        PluginError: it fails, or returns neither a ``Reconstruction`` of these problems nor images.
    """
    one = known.find(known.ATTACK, parameters["method"], known.ATS)
    values = {**parameters, **parameters.get("parameters", {})}
    values.pop("parameters", None)
    started = time.perf_counter()
    found = calling.call(one, model, shared, values, images, seed, **how)
    seconds = (time.perf_counter() - started) / len(shared)
    if isinstance(found, Tensor):
        _check_images(one, found, shared, torch.ones(len(shared), dtype=torch.bool))
        return _of_images(model, shared, found.detach().float(), seconds)
    if not isinstance(found, Reconstruction):
        calling.refuse(
            one,
            f"returned {type(found).__name__}, expected a Reconstruction of "
            "reveil.attacks.interface, or a tensor of normalised images",
        )
    _check(one, found, shared)
    return found


def _of_images(model: nn.Module, shared: Shared, x: Tensor, seconds: float) -> Reconstruction:
    """Return a result of images alone: what their gradients are like is worked out here."""
    count = len(shared)
    cost = _distance(model, shared, x)
    return Reconstruction(
        x=x.cpu(),
        cost=cost,
        iterations=torch.zeros(count, dtype=torch.int64),
        seconds=torch.full((count,), seconds, dtype=torch.float64),
        status=["ok"] * count,
        reason=[""] * count,
        curve=cost[:, None].float(),
        curve_iterations=torch.zeros(1, dtype=torch.int64),
    )


def _distance(model: nn.Module, shared: Shared, x: Tensor) -> Tensor:
    """Return (P,) 1 - cosine of the gradients at x and those shared; NaN without the classes."""
    if shared.labels is None:
        return torch.full((len(shared),), torch.nan)
    device = shared.gradients[0].device
    found = problem_gradients(model, x.to(device), shared.labels, bn_mode=shared.bn_mode)
    g, t = (torch.cat([v.flatten(1) for v in each], 1) for each in (found, shared.gradients))
    return (1 - torch.cosine_similarity(g, t)).detach().cpu()


def _check(one: known.Declared, found: Reconstruction, shared: Shared) -> None:
    count = len(shared)
    for name in ("status", "reason"):
        value = getattr(found, name)
        said = len(value) if isinstance(value, list | tuple) else type(value).__name__
        if said != count:
            calling.refuse(one, f"returned {said} of {name}, expected {count}")
    if wrong := set(found.status) - {"ok", "failed"}:
        calling.refuse(one, f"returned the status {wrong.pop()!r}, expected ok or failed")
    for field in fields(found):
        value = getattr(found, field.name)
        if field.name in ("x", "status", "reason", "extras", "curve_iterations"):
            continue
        if value is None and field.name == "labels":
            continue
        if not isinstance(value, Tensor) or value.shape[:1] != (count,):
            calling.refuse(one, f"returned {field.name} of {_form(value)}, expected ({count}, ...)")
    points = found.curve_iterations
    flat = isinstance(points, Tensor) and points.ndim == 1
    if not flat or found.curve.shape != (count, len(points)):
        calling.refuse(
            one,
            f"returned a curve of {_form(found.curve)} at iterations of {_form(points)}, expected "
            "as many of both",
        )
    _check_images(one, found.x, shared, torch.tensor([s == "ok" for s in found.status]))


def _form(value: object) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _check_images(one: known.Declared, x: object, shared: Shared, fine: Tensor) -> None:
    behind = (shared.batch,) if shared.batch > 1 else ()
    expected = (len(shared), *behind, *shared.shape)
    if not isinstance(x, Tensor):
        calling.refuse(one, f"returned x of {type(x).__name__}, expected a tensor of {expected}")
    if tuple(x.shape) != expected or not x.is_floating_point():
        said = f"{x.dtype} {tuple(x.shape)}"
        calling.refuse(one, f"returned x of {said}, expected floating point {expected}")
    if not torch.isfinite(x[fine.to(x.device)]).all():
        calling.refuse(
            one, "returned x with values that are not finite, expected numbers, or status failed"
        )
