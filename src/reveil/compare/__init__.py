"""Two runs side by side: what their configurations differ in, and their images one by one.

See docs/guides/compare.md. Nothing is written.
"""

from reveil.compare.shown import compare

__all__ = ["compare"]
