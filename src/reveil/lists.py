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


def list_size(name: str) -> int:
    """Return how many policies a list has.

    Raises:
        ReveilError: there is no such list.
    """
    policies = fixed_list(name)
    return int(name.removeprefix("random-")) if policies is None else len(policies)
