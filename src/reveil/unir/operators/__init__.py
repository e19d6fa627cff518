"""Measurement operators: what happens to an image before a reconstruction sees it (section 2)."""
