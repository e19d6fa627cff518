"""The figures of the study ``ats``: one module a kind, each with its data and its drawing.

Every ``draw`` takes the table of one protocol, dataset and model and returns a Matplotlib figure.
None of them uses ``pyplot``: no global state, no window system, nothing to close.
"""

from reveil.figures.style import save

__all__ = ["save"]
