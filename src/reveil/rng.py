"""Named random streams: a draw depends on what it is for, never on when or where it is made."""

import hashlib

import torch


def stream_seed(seed: int, purpose: str, *ids: object) -> int:
    """Return the 63-bit seed of the stream (seed, purpose, ids), the same on every machine."""
    text = "\x1f".join([str(int(seed)), purpose, *map(str, ids)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, purpose: str, *ids: object) -> torch.Generator:
    """Return a CPU generator for the stream (seed, purpose, ids).

    GPU streams differ between models of GPU and between batch sizes, so every draw of reveil is
    made on the CPU, usually one stream per image, and moved.
    """
    return torch.Generator().manual_seed(stream_seed(seed, purpose, *ids))
