"""Verdicts: what our numbers say of each claim of the papers, by criteria written beforehand.

``criteria`` reads them, ``units`` finds the rows that a test is about and their values by unit,
``measures`` makes a number with its interval of these, ``decide`` sets it beside the margin,
``scope`` says whether enough was run, and ``judge`` puts it together. No module here computes
anything on a device.
"""
