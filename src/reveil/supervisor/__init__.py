"""Unattended runs: Snakemake started detached, watched, and started again after known faults.

Nothing here imports Snakemake: it is run as a subprocess, and what it says is read from its log.
"""
