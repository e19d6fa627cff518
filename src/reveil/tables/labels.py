"""What a reader sees in place of a name in a path."""

import re

from reveil import datasets, policies
from reveil.aliases import RANDOM_POLICIES
from reveil.cvnn import names as private
from reveil.errors import ReveilError

NOT_AVAILABLE = "not available"
# Study -> source of published numbers -> its name; the original paper is another one in each.
SOURCES = {
    "ats": {
        "original": "Gao et al. 2021",
        "drabent2022": "Drabent et al. 2022",
        "warmerdam2022": "Warmerdam et al. 2022",
    },
    "cvnn": {"original": "Xiang et al. 2020", "knijff2021": "Knijff et al. 2021"},
}
SOURCE_TITLES = SOURCES["ats"]
# The rows of the papers' main table, in its order.
_ALIASES = {
    "random": "Random",
    "published-1": "Searched 1",
    "published-2": "Searched 2",
    "published-hybrid": "Searched hybrid",
}
_ORDER = ("none", "crop-flip", *_ALIASES)
_ROLE = re.compile(r"(only-|plain-)?(found-(\d+|hybrid)|passing-\d+)")
# What is told of a policy before its name: without crop and flip, and on a model that knew none.
_PREFIXES = {"only-": "no crop and flip", "plain-": "model without policy"}


def dataset_title(name: str) -> str:
    """Return the title of a dataset, such as ``CIFAR-100`` for ``cifar100``."""
    return datasets.get(name).title


def model_title(name: str) -> str:
    """Return the title of a model: ``ResNet20-4``, or ``ResNet-32-alpha`` for a private network."""
    if match := re.fullmatch(r"resnet20-(\d+)", name):
        return f"ResNet20-{match[1]}"
    if match := re.fullmatch(r"convnet(-9)?(?:-w(\d+))?", name):
        extras = ["9 convolutions"] * bool(match[1]) + [f"width {match[2]}"] * bool(match[2])
        return f"ConvNet ({', '.join(extras)})" if extras else "ConvNet"
    if private.is_private(name) and private.parse(name).family != private.PLUGGED:
        return _private_title(name)
    return {"lenetzhu": "LeNetZhu"}.get(name, name)


def _private_title(name: str) -> str:
    # Papers say LeNet of two networks, and name the cut of a ResNet not at all.
    shape = private.parse(name)
    title = private_family(name)
    whose = {"report": "report's", "authors": "authors'"}[shape.split]
    extras = [f"the {whose}"] * (shape.family == "lenet")
    extras += [f"{whose} cut"] * (shape.family == "resnet" and shape.split == "authors")
    extras += [f"width {shape.width}"] * ("-w" in name)
    return f"{title} ({', '.join(extras)})" if extras else title


def private_family(name: str) -> str:
    """Return what papers call a private network, whatever its cut and width."""
    shape = private.parse(name)
    if shape.family == "resnet":
        return f"ResNet-{shape.depth}-{shape.variant}"
    return {"lenet": "LeNet", "vgg16": "VGG-16", "alexnet": "AlexNet"}[shape.family]


def policy_roles(dataset: str, model: str) -> dict[str, str]:
    """Return the policies that play a part in the papers' table of this dataset and model.

    Returns:
        Canonical policy name -> ``random``, ``published-1``, ``published-2`` or
        ``published-hybrid``; without the parts for which nothing was published.
    """
    roles: dict[str, str] = {}
    for alias in _ALIASES:
        try:
            name = policies.resolve_alias(alias, dataset, model, "fixed", 0)
        except ReveilError:
            continue
        roles.setdefault(name, alias)
    return roles


def _role(policy: str) -> str:
    # A role such as found-1 stands for one policy a seed and is no policy itself.
    return policy if _ROLE.fullmatch(policy) else policies.role(policy)


def policy_label(policy: str, dataset: str, model: str) -> str:
    """Return the label of a policy or of its role, such as ``Searched 1 (3-1-7)``.

    Args:
        policy: A policy's name, or its :func:`reveil.policies.role`.
        dataset: Name of the dataset, which decides what was published for it.
        model: Name of the model, likewise.
    """
    role = _role(policy)
    if role == "none":
        return "None"
    if role == "crop-flip":
        return "None, crop and flip"
    for prefix, told in _PREFIXES.items():
        if role.startswith(prefix):
            return f"{policy_label(role.removeprefix(prefix), dataset, model)}, {told}"
    if _ROLE.fullmatch(role):
        return role.capitalize().replace("-", " ")
    if alias := policy_roles(dataset, model).get(role):
        return f"{_ALIASES[alias]} ({role})"
    if role in RANDOM_POLICIES:
        return f"Random {RANDOM_POLICIES.index(role) + 1} ({role})"
    return role


def policy_order(policy: str, dataset: str, model: str) -> tuple[int, str]:
    """Return a sort key: the papers' rows in their order, then the policies of searches.

    Those are followed by the ten random ones, the first that pass the filter, and all others.
    """
    role = _role(policy)
    part = policy_roles(dataset, model).get(role, role)
    if part in _ORDER:
        return _ORDER.index(part), role
    if _ROLE.fullmatch(part) and not part.startswith(tuple(_PREFIXES)):
        kind, which = part.split("-")
        # Passing 10 follows passing 9.
        return len(_ORDER) + 2 * (kind == "passing"), which.rjust(6, "0")
    if part in RANDOM_POLICIES:
        return len(_ORDER) + 1, str(RANDOM_POLICIES.index(part)).rjust(6, "0")
    return len(_ORDER) + 3 + part.startswith(tuple(_PREFIXES)), role
