"""Checks of the study's policies: each must mean something, and something else than the others."""

from collections.abc import Iterator

from reveil import policies
from reveil.aliases import PASSED, PASSING
from reveil.config.name_checks import with_key
from reveil.config.other_study import with_home
from reveil.config.presets import DEFAULT
from reveil.config.study import Place, Study, canonical, found_members
from reveil.errors import ReveilError, not_allowed

Entry = tuple[str, str]


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    told: set[tuple[Entry, Entry]] = set()
    # Names are checked even where no valid dataset, model or protocol is left to use them with.
    for place in study.any_places():
        seen: dict[str, Entry] = {}
        roles: dict[str, Entry] = {}
        for key, value in study.entries("policies"):
            entry = key, str(value)
            try:
                policy = canonical(entry[1], place)
            except ReveilError as error:
                yield with_home(study, "policies", value, with_key(key, error))
                continue
            yield from _mixed(entry, policy)
            yield from _found(study, place, entry)
            pair = seen.setdefault(policy, entry), entry
            if pair[0] == entry:
                pair = roles.setdefault(policies.role(policy), entry), entry
            if pair[0] != entry and pair not in told:
                told.add(pair)
                yield _clash(*pair, policy, place)


def _mixed(entry: Entry, policy: str) -> Iterator[str]:
    members = policies.member_names(policy)
    searched = [member for member in members if policies.parse_searched(member)]
    if searched and len(searched) < len(members):
        spelled = next(member for member in members if member not in searched)
        yield (
            f"{entry[0]}: {entry[1]!r} is a hybrid of the found {searched[0]} and the spelled-out "
            f"{spelled}; allowed: members of one kind"
        )


def _found(study: Study, place: Place, entry: Entry) -> Iterator[str]:
    """What is found must be found by a protocol that exists and takes so many policies."""
    key, name = entry
    for kind, protocol, _, rank in found_members(name, place):
        if protocol == place.protocol == DEFAULT:
            continue  # it stands in for protocols that are told to be wrong
        if protocol == DEFAULT or not study.known("protocols", protocol):
            names = study.presets["protocols"].names
            yield f"{key}: {name!r}: {not_allowed('protocol', protocol, names)}"
        elif kind == PASSED:
            if rank > PASSING:
                yield f"{key}: {name!r} is not allowed; allowed: 1 to {PASSING} passing candidates"
        elif switches := study.protocol(protocol):
            final = switches["search"]["final"]
            if rank > final:
                yield (
                    f"{key}: {name!r} needs rank {rank} of the search, but "
                    f"protocols.{protocol}.search.final is {final}; allowed: ranks 1 to {final}"
                )


def _clash(first: Entry, second: Entry, policy: str, place: Place) -> str:
    """Return what is wrong with two policies that are one, or one row of the tables."""
    (key, name), (other, other_name) = second, first
    if canonical(other_name, place) == policy:
        return (
            f"{key}: {name!r} is the same policy as {other}, {other_name!r}, for {place.model} on "
            f"{place.dataset}"
        )
    return (
        f"{key}: {name!r} has the same row in the tables as {other}, {other_name!r}: both are "
        f"{policies.role(policy)!r} there and would be averaged as one policy; name one of them"
    )
