"""One page to look at attacked images: what was there, what was seen of it, what was made of it."""

from reveil.gallery.page import write

__all__ = ["write"]
