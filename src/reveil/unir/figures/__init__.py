"""The figures of the study ``unir``: one module a kind, as in :mod:`reveil.figures`."""
