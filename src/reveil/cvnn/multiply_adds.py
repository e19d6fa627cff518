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
        features, device = forward(twin.encoder, image)
        features, generator = forward(twin.generator, features)
        x = torch.cat([features, features]) if twin.complex else features
        h, cloud = forward(twin.processor, x)
        _, decoder = forward(twin.decoder, h[:1])
    return {
        "device": device,
        "generator": generator,
        "cloud": cloud,
        "decoder": decoder,
        "processing": cloud // _real_products(twin),
    }


def forward(module: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    """Return what a module makes of ``x``, and the multiply-adds that took; no gradients."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        y = module(x)
    return y, counter.get_total_flops() // 2


def _real_products(network: PrivateNetwork) -> int:
    if not network.complex:
        return 1
    return 3 if network.protection.weights == "complex" else 2
