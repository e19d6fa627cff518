"""The lists of policies that the experiments score and attack, by name.

Used while the graph is planned, so it imports neither torch nor pandas.
"""

import re
from itertools import combinations

from reveil.errors import ReveilError, not_allowed
from reveil.library import LIBRARY

# The random policies of the correlation experiment of Drabent et al. (2022), in their order.
_DRA = """
1-27-35 29-17-33 33-38-8 42-23-24 29-17-1 26-16-1 19-26-37 35-11-44 18-47-23 36-10-48 31
15-21-16 24-37-2 3-40-4 43-42-26 39-37-0 7-45-35 3-32-35 42-47-37 16-3-48 13-3-1 21-37-15
13-41-36 16-9-49 31-25-28 45-2 1-21-12 19-35-26 24-46-27 15-10-0 14-47-28 23-11-37 2-11-32
37-3-23 46-8-0 16-43-22 11-22-42 46-8-14 39-16-49 7-18-19 32-19-43 47-34-12 9-2-24 10-48-7
29-40-11 2-17-30 24-16-31 28-3-6 49-47-13 47-25 44-19-23 28-39-41 48-47-7 46-34-33 25-33-46
4-9-14 13-48-17 41-41-21 45-35-19 7-15-45 41 25-21-41 43-14-18 16 2-29-24 4-45-5 27-47-16
18-14-2 25-22-42 31-30-4 4-31-27 45-18-31 37-6-49 0-14-12 43 6-2-34 17-0-41 33-12-47 45-8-25
33-6-23 20-38-43 33-34-25 28-42-18 37-43-16 38-40 2-4-39 5-47-39 43-35 41-30-8 18-24-41
32-21-7 24-36-39 9-45-28 34-16-38 31-46-42 10-4-38 48-41-42 36-2-21 31-27-47 14-36-19
"""
DRA_100 = tuple(_DRA.split())
# The first candidates of seed 0 with three slots of all 50 transformations. They are what
# reveil.candidates draws; here they are found without loading PyTorch while a graph is planned.
_RANDOM = """
34-42-29 19-29-42 21-29-18 34-31-38 44-31-30 14-35-22 0-10-19 41-13-12 35-32 33-13-43 42-32-47
5-11-34 10-36-14 11-7-33 39-10-5 29-26-48 12-33-15 19-27-31 39-19-34 42-36-34 41-14-46 11-38-28
9-47-24 2-40-12 38-42-44 16-21-44 25-24-12 12-8-44 31-23-35 46-13-8 45-16-37 42-46-11 44-36-16
46-38-35 5-43 49-45-15 11-3-3 36-44-9 43-6-4 49-16-46 1-1-7 28-3-42 21-7-6 37-19 13-45 49-25-9
45-49-0 20-12-33 3-30-29 41-34-1 36-49-4 24-33-29 39-10-33 24-43-36 29-13-3 17-32-27 14-19
5-12-33 28-43-43 42-9-34 18-15-34 36-41-49 34-38-24 34-20-26 26-49-45 6-45-38 35-37-8 46-26-16
17-34-22 44-34-22 31-44-9 17-18-49 26-48-46 29-2-46 5-21-35 11-2-35 34-28-25 18-6-3 25-8-43
40-39-3 18-40-16 6-43-9 15-46-36 15-18-29 44-45-46 33-12-3 33-29-23 43-38-22 21-3-8 1-2-15
15-31-12 18-49-22 30-6-16 6-22-44 7-30-27 15-24-19 14-7-22 39-31-34 27-17-19 14-40-44
"""
RANDOM_100 = tuple(_RANDOM.split())
# The ten transformations of lowest S_pri of Warmerdam et al. (2022), the best first.
TOP_TEN = (3, 15, 1, 26, 12, 43, 25, 13, 4, 39)


def _triples(operations: tuple[int, ...]) -> tuple[str, ...]:
    return tuple("-".join(map(str, chosen)) for chosen in combinations(operations, 3))


_FIXED = {
    "singles": ("none", *(str(operation.index) for operation in LIBRARY)),
    "top10-triples": _triples(TOP_TEN),
    "triples-of-top5": _triples(TOP_TEN[:5]),
}
LISTS = (*_FIXED, f"dra-{len(DRA_100)}", "random-N")


def fixed_list(name: str) -> tuple[str, ...] | None:
    """Return the policies of a list, or None for ``random-N``, which the protocol decides, too.

    No list depends on the seed of a run.

    ``singles`` are ``none`` and every transformation alone; ``dra-N`` the first N, 100 at most,
    of the random policies of Drabent et al. (2022); ``top10-triples`` the 120 combinations of the
    ten best transformations of Warmerdam et al. (2022), each in the order of that ranking;
    ``triples-of-top5`` the ten of its first five; ``random-N`` the first N candidates that the
    protocol's search draws under seed 0.

    Raises:
        ReveilError: there is no such list; the message names the nearest.
    """
    if name in _FIXED:
        return _FIXED[name]
    counted = re.fullmatch(r"(dra|random)-([1-9]\d*)", name)
    if not counted or (counted[1] == "dra" and int(counted[2]) > len(DRA_100)):
        raise ReveilError(not_allowed("policy list", name, LISTS))
    return DRA_100[: int(counted[2])] if counted[1] == "dra" else None


def drawn_before(name: str, *, slots: int, slot_max: int) -> tuple[str, ...] | None:
    """Return ``random-N`` where it is known beforehand, else None.

    Args:
        slots, slot_max: of the protocol's search.
    """
    count = list_size(name)
    known = (slots, slot_max) == (3, 49) and count <= len(RANDOM_100)
    return RANDOM_100[:count] if known else None


def list_size(name: str) -> int:
    """Return how many policies a list has.

    Raises:
        ReveilError: there is no such list.
    """
    policies = fixed_list(name)
    return int(name.removeprefix("random-")) if policies is None else len(policies)
