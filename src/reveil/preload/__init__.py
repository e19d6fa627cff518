"""Jobs of one run forked from a process that has loaded their libraries once.

Loading PyTorch, pandas and matplotlib takes longer than what a small job does with them. Where
``compute.preload`` is set, :func:`starting.start` starts ``server.py`` beside Snakemake, and each
command of a job goes through ``client.py``, which asks the server for a fork of itself that runs
the script. Anything that is not as expected makes the client run the command as it is.
"""

# Set in the environment of a script that runs in a fork.
PRELOADED = "REVEIL_PRELOADED"
