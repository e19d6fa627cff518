"""Whole jobs: from the files and plain values a script is handed to what it writes."""
