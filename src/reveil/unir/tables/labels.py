"""What the tables call sources, protocols and families of operators."""

import re
from collections.abc import Iterable

# Source of published numbers -> its name. The reproduction stands in the rows of ``ambientgan``.
SOURCE_TITLES = {
    "original": "Pajot et al. 2019",
    "guo2020": "Guo et al. 2020",
    "ambientgan": "Bora et al. 2018",
    "culley": "Culley et al., reproduction",
}
# Protocol -> whose procedure its rows follow.
_PROTOCOLS = {
    "fixed-unir": "ours, the recommended one",
    "pajot2019": f"that of the code that the authors of {SOURCE_TITLES['original']} released",
    "guo2020": f"that of {SOURCE_TITLES['guo2020']}",
    "bora2018": f"that of {SOURCE_TITLES['ambientgan']}, by their code",
}


def operator_family(policy: str) -> str:
    """Return the name of an operator without the per cent at its end."""
    return re.sub(r"-\d+$", "", policy)


def protocol_note(protocols: Iterable[str]) -> str:
    """Return the sentence that says whose procedure the rows of known protocols follow."""
    found = [name for name in dict.fromkeys(protocols) if name in _PROTOCOLS]
    told = "; ".join(f"{name}: {_PROTOCOLS[name]}" for name in found)
    return f"Protocols. {told}." if found else ""
