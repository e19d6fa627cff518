"""Attackers on hidden features: what they guess, and how each is made."""
