"""What an image leaks and what stops it: transformations, models, searches, attacks and measures.

The package computes; it knows nothing of the workflow that calls it.
"""

__version__ = "0.1.0"
