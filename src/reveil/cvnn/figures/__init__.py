"""The figures of the study ``cvnn``: one module a kind, as in :mod:`reveil.figures`."""
