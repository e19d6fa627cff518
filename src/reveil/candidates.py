"""Candidate policies: random ones, each transformation by itself, and lists of them by name."""

import pandas as pd
import torch

from reveil.errors import ReveilError
from reveil.library import IDENTITY, LIBRARY, function_name
from reveil.lists import fixed_list, list_size
from reveil.policies import MAX_LENGTH
from reveil.rng import generator

# Lists are drawn once for all seeds, so that seeds repeat the measurement of one set of policies.
LIST_SEED = 0


def draw_candidates(
    count: int, *, slots: int = 3, slot_max: int = 49, seed: int = 0
) -> pd.DataFrame:
    """Return ``count`` random policies, columns candidate (0, 1, ...) and policy.

    Each slot is uniform on the integers -1..slot_max, and a slot of -1 holds no operation; a
    candidate without any is ``none``. Repeats stay, as in the papers' code; so does the operation
    50 that its first version draws with ``slot_max`` = 50 and then fails on. A longer table begins
    with the rows of a shorter one.

    Raises:
        ReveilError: no candidate, or slots that a policy has not.
    """
    if count < 1:
        raise ReveilError(f"search.candidates: {count!r} is not allowed; allowed: 1 or more")
    if not 1 <= slots <= MAX_LENGTH:
        raise ReveilError(f"search.slots: {slots!r} is not allowed; allowed: 1 to {MAX_LENGTH}")
    drawn = torch.randint(
        -1, slot_max + 1, (count, slots), generator=generator(seed, "candidates")
    ).tolist()
    names = ["-".join(str(i) for i in row if i >= 0) or "none" for row in drawn]
    return pd.DataFrame({"candidate": range(count), "policy": names})


def single_candidates() -> pd.DataFrame:
    """Return every operation as a policy of its own, and ``none`` as candidate -1."""
    indices = [operation.index for operation in LIBRARY]
    return pd.DataFrame(
        {"candidate": [-1, *indices], "policy": ["none", *(str(i) for i in indices)]}
    )


def policy_list(name: str, *, slots: int = 3, slot_max: int = 49) -> pd.DataFrame:
    """Return a list of policies by name, columns candidate, policy and group (the name).

    ``random-N`` are the first N candidates that a search of seed 0 draws, for every seed; see
    :func:`reveil.lists.fixed_list` for the other lists. ``none`` of ``singles`` is candidate -1,
    so that the others have the number of their transformation.

    Args:
        slots, slot_max: of :func:`draw_candidates`; used by ``random-N`` alone.

    Raises:
        ReveilError: there is no such list; the message names the nearest.
    """
    policies = fixed_list(name)
    if policies is None:
        table = draw_candidates(list_size(name), slots=slots, slot_max=slot_max, seed=LIST_SEED)
    elif name == "singles":
        table = single_candidates()
    else:
        table = pd.DataFrame({"candidate": range(len(policies)), "policy": policies})
    return table.assign(group=name)


def function_of(policy: str) -> str:
    """Return the policy with every operation replaced by the first one that does the same.

    22 of the 50 operations repeat another. Signs are drawn by slot, so the slots count: policies
    with one function give the same images under the same draws, and so the same scores.
    """
    first: dict[str, int] = {}
    alike = {op.index: first.setdefault(function_name(op), op.index) for op in LIBRARY}
    if policy == "none":
        return policy
    return "-".join(str(alike.get(i, i)) for i in operations(policy))


def effect_of(policy: str) -> str:
    """Return the function of the policy without the operations that change nothing.

    Policies with one effect make images of one distribution, though under the same draws another
    slot means another sign. Without an operation left it is crop and mirror alone, ``identity``,
    which is not ``none``: that does not even crop. Operations that change nothing on grey images
    only, as color, count as changes: the channels are not known here.
    """
    if policy == "none":
        return policy
    idle = {op.index for op in LIBRARY if function_name(op) == IDENTITY}
    kept = (slot for slot in function_of(policy).split("-") if int(slot) not in idle)
    return "-".join(kept) or IDENTITY


def operations(policy: str) -> list[int]:
    """Return the operations of a candidate that is not ``none``, in their order."""
    return [int(slot) for slot in policy.split("-")]
