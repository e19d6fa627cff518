"""What private networks cost, counted from their layers: nothing is trained or computed."""

from collections.abc import Mapping, Sequence
from typing import Any

from reveil import datasets
from reveil.cvnn import protections, tasks
from reveil.cvnn.multiply_adds import multiply_adds
from reveil.cvnn.private import PrivateNetwork
from reveil.models.blank import blank
from reveil.views import view_for


def private_costs(networks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the multiply-adds of one image's forward pass, one row a network.

    Args:
        networks: mappings of protocol, dataset, model, policy, ``protection`` (the content of its
            policy file) and ``recipe`` (with every key).

    Returns:
        The names, and the columns of :func:`reveil.cvnn.multiply_adds.multiply_adds`.

    Raises:
        ReveilError: a network that its images do not fit.
    """
    return [
        {key: network[key] for key in ("protocol", "dataset", "model", "policy")} | _cost(network)
        for network in networks
    ]


def _cost(network: Mapping[str, Any]) -> dict[str, int]:
    content = network["protection"]
    dataset = datasets.get(network["dataset"])
    channels, size, _ = view_for(dataset, network["recipe"]).shape
    protection = protections.from_values(content["name"], content["protection"])
    with blank():
        built = PrivateNetwork(
            network["model"], protection, channels, size, tasks.task_classes(dataset)
        )
    return multiply_adds(built)
