"""How far a policy and a crop can move the content of an image: what an attacker may assume.

Shifts t are those of Warmerdam et al. (2022): Output(u) = Input(u + t) in coordinates from -1 to 1,
so that t = 1 is half the width and a positive t_x moves the content left. Used while the graph is
planned, so it does not import torch.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reveil import policies
from reveil.errors import ReveilError
from reveil.library import LIBRARY
from reveil.plugins import known
from reveil.policies import Operation, Policy

Bounds = tuple[float, float]

# Section "Insight 1" of Warmerdam et al. (2022), chosen with the policies in view; the last is of
# the hybrid of the two. See `policy_bounds` for what these policies can do.
PUBLISHED: Mapping[str, Bounds] = MappingProxyType(
    {
        "3-1-7": (1.1, 0.2),
        "43-18-18": (0.4, 0.4),
        "3-1-7+43-18-18": (1.1, 0.4),
    }
)
FORMS = "published, policy, or [x, y], two numbers from 0, one of them above 0"
_AXES = ("translateX", "translateY")


def effective_shift(fraction: float, length: int) -> int:
    """Return by how many whole pixels Pillow moves an axis of ``length`` pixels.

    NEAREST sampling at pixel centres: floor(fraction * length + 1/2), either sign alike.
    """
    return math.floor(fraction * length + 0.5)


def policy_bounds(policy: Policy, augment: str, size: int, crop_shift: int) -> Bounds:
    """Return the largest |t_x| and |t_y| that a victim's draws can make.

    Along each axis a member's shifts and the crop add up, and of a hybrid's members the farthest
    counts. What bends or turns an image (shear, rotation) moves it by no one t and counts as
    nothing. At 32 pixels the published policies reach

    | policy | without crop | with a crop of 4 pixels | published |
    | --- | --- | --- | --- |
    | 3-1-7 | 0.9375, 0.1875 | 1.1875, 0.4375 | 1.1, 0.2 |
    | 43-18-18 | 0, 0.3125 | 0.25, 0.5625 | 0.4, 0.4 |
    | 3-1-7+43-18-18 | 0.9375, 0.3125 | 1.1875, 0.5625 | 1.1, 0.4 |

    The published limits thus leave out a part of what the victims' crops did.

    Args:
        augment: what the victims do: ``none``, ``crop_flip``, ``policy`` or ``crop_flip+policy``.
        size: height and width of the images in pixels.
        crop_shift: pixels by which a crop moves content at most.

    Raises:
        ReveilError: a plug-in moves the images and does not tell how far.
    """
    if "policy" in augment and untold(policy, "reach"):
        raise ReveilError(_unknown(policy.name))
    crop = crop_shift if "crop_flip" in augment else 0
    members = policy.members if "policy" in augment else ((),)
    across, down = zip(*(_reach(member, size) for member in members), strict=True)
    return 2 * (crop + max(across)) / size, 2 * (crop + max(down)) / size


def untold(policy: Policy, method: str) -> bool:
    """Return whether a plug-in with a part in a policy has no ``method`` to tell attackers of it.

    Args:
        method: ``draws`` or ``reach``; see :func:`reveil.plugins.policy`.
    """
    steps = {step for member in policy.members for step in member if isinstance(step, str)}
    return not all(known.find(known.POLICY, step, known.ATS).has(method) for step in steps)


def bounds_for(
    bounds: str | Sequence[float], policy: Policy | None, augment: str, size: int, crop_shift: int
) -> Bounds:
    """Return the limits of |t_x| and |t_y| that an attack's ``bounds`` mean for a policy.

    Args:
        bounds: ``published``, the limits of Warmerdam et al. (2022); ``policy``, those of
            :func:`policy_bounds`; or the two limits themselves.
        policy: of the victims; None where the attacker is not told it.

    The other arguments are those of :func:`policy_bounds`.

    Raises:
        ReveilError: the policy has no published limits, cannot move anything, or is not known.
    """
    if not isinstance(bounds, str):
        x, y = bounds
        return float(x), float(y)
    if policy is None:
        raise ReveilError(
            f"bounds: {bounds!r} is not allowed for an attacker that is told no policy; allowed: "
            "two numbers, or knows: policy"
        )
    problem = _unpublished(policy.name) if bounds == "published" else None
    if problem is None and bounds == "policy":
        problem = _motionless(policy, augment, bounds)
    if problem:
        raise ReveilError(problem)
    if bounds == "published":
        return PUBLISHED[_operations(policy.name)]
    limits = policy_bounds(policy, augment, size, crop_shift)
    if not any(limits):
        raise ReveilError(_still(policy, augment, bounds))
    return limits


def bounds_problem(name: str, parameters: Mapping[str, Any], augment: str) -> str | None:
    """Return what is wrong with an attack's ``bounds`` on a policy, or its knowledge, or None.

    Limits of one's own need a policy or a crop that shifts, too. ``none`` and ``crop-flip`` are
    controls: there the limits are those of the policy that they are compared with.

    Args:
        name: canonical name of the victims' policy.
        parameters: of the attack, complete.
        augment: what the victims do, as for :func:`policy_bounds`.
    """
    bounds, method = parameters["bounds"], parameters["method"]
    if method == "translation" and bounds == "published":
        return _unpublished(name)
    if any(map(policies.parse_searched, policies.member_names(name))):
        return None  # what it does is known once the search is done
    policy = policies.parse(name)
    if method == "aware" and "policy" in augment and untold(policy, "draws"):
        return undrawn(name)
    if method != "translation":
        return None
    if bounds == "policy" and "policy" in augment and untold(policy, "reach"):
        return _unknown(name)
    if not isinstance(bounds, str) and not any(policy.members):
        return None
    return _motionless(policy, augment, bounds)


def _reach(member: Sequence[Operation], size: int) -> tuple[float, float]:
    """Return by how many pixels one member moves an image across and down."""
    if member and isinstance(member[0], str):
        # It imports torch, and is needed in jobs alone.
        from reveil.plugins import told, transforming

        return told.reach(transforming.find(member[0]), size)
    operations = [LIBRARY[index] for index in member]
    across, down = (
        sum(effective_shift(o.value, size) for o in operations if o.name == axis) for axis in _AXES
    )
    return across, down


def undrawn(name: str) -> str:
    """Return why an attack that knows what victims may draw cannot be done under a policy."""
    return (
        f"method: 'aware' is not allowed for the policy {name!r}, whose plug-in does not tell what "
        "it draws; allowed: optimise, lbfgs, policies of the library, or methods draws and seen in "
        "the plug-in"
    )


def _unknown(name: str) -> str:
    return (
        f"bounds: 'policy' is not allowed for the policy {name!r}, whose plug-in does not tell how "
        "far it moves images; allowed: two numbers, or a method reach in the plug-in"
    )


def _operations(name: str) -> str:
    """Return a policy's name without what stands before its operations."""
    return "+".join(policies.member_names(name))


def _unpublished(name: str) -> str | None:
    if _operations(name) in PUBLISHED:
        return None
    return (
        f"bounds: 'published' is not allowed for the policy {name!r}; allowed: for "
        f"{', '.join(PUBLISHED)}; use bounds: policy or two numbers"
    )


def _motionless(policy: Policy, augment: str, bounds: str | Sequence[float]) -> str | None:
    moves = "policy" in augment and any(
        isinstance(step, str) or LIBRARY[step].name in _AXES
        for member in policy.members
        for step in member
    )
    if moves or "crop_flip" in augment:
        return None
    return _still(policy, augment, bounds)


def _still(policy: Policy, augment: str, bounds: str | Sequence[float]) -> str:
    allowed = "" if any(policy.members) else "two numbers, such as [0.25, 0.25], or "
    return (
        f"bounds: {bounds!r} is not allowed for the policy {policy.name!r} under the augmentation "
        f"{augment!r}, which moves no content; allowed: {allowed}a policy or a crop that shifts"
    )
