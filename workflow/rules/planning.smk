# What makes plans of many jobs quick. Included last, when all functions of the rules are there.

import inspect

# Snakemake asks functions for their parameters ten times a job. Said in advance, as here, the answer
# takes a tenth of the time that working it out does.
for function in list(globals().values()):
    if inspect.isfunction(function) and function.__globals__ is globals():
        function.__signature__ = inspect.signature(function)
