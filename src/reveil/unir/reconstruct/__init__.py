"""Reconstructions: the trained network, and baselines that need no training (section 8.2)."""
