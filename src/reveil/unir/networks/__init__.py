"""Generators of two types and their discriminators, one family a file."""

from reveil.unir.networks.interface import Discriminator, Reconstructor, Sampler
from reveil.unir.networks.settings import Blueprint, NetworkSettings
from reveil.unir.networks.zoo import build, build_discriminator

__all__ = [
    "Blueprint",
    "Discriminator",
    "NetworkSettings",
    "Reconstructor",
    "Sampler",
    "build",
    "build_discriminator",
]
