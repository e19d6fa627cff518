"""A run as one file: an RO-Crate of its tables, its figures, and what they are drawn from."""

from reveil.bundle.making import describe, pack

__all__ = ["describe", "pack"]
