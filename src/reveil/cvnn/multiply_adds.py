"""What a forward pass of a private network costs the device and the cloud."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from reveil.cvnn.private import PrivateNetwork


def multiply_adds(network: PrivateNetwork) -> dict[str, int]:
    """Return the multiply-adds of convolutions and linear layers for one image, forward.

    Computed on the meta device: nothing is calculated, and the network is left as it is.

    Returns:
        ``device``, the encoder; ``generator``; ``cloud``, the processing module as it runs on one
        complex map; ``decoder``; and ``processing``, the same module on one real map. Real weights
        act on the real and on the imaginary part, so that ``cloud`` is twice ``processing``;
        complex ones take three real products. Where two images travel in one complex map, each of
        them causes half of ``cloud``.
    """
    with torch.device("meta"), torch.no_grad():
        twin = PrivateNetwork(
            network.model, network.protection, network.channels, network.size, network.classes
        ).eval()
        image = torch.empty(1, network.channels, network.size, network.size)
        encoded = twin.encoder(image)
        features = twin.generator(encoded)
        x = torch.cat([features, features]) if twin.complex else features
        processed = twin.process(x)[:1]
    cloud = count(twin.processor, x)
    return {
        "device": count(twin.encoder, image),
        "generator": count(twin.generator, encoded),
        "cloud": cloud,
        "decoder": count(twin.decoder, processed),
        "processing": cloud // _real_products(twin),
    }


def count(module: nn.Module, x: Tensor) -> int:
    """Return the multiply-adds of a module for the input ``x``."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops() // 2


def _real_products(network: PrivateNetwork) -> int:
    if not network.complex:
        return 1
    return 3 if network.protection.weights == "complex" else 2
