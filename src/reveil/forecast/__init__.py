"""What a run would take, told before anything of it runs.

Reads a dry run and the benchmark files of earlier runs, and tells which of its numbers are
measured, which scaled from measured ones, and which guessed. It imports no Snakemake: that is
started beside it, with the logger in ``workflow/plan``.
"""
