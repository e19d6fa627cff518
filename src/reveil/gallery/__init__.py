"""One page to look at attacked images: what was there, what the adversary saw, what he made of it."""

from reveil.gallery.page import write

__all__ = ["write"]
