"""What made the files of a run: noted by every job, collected for the whole run."""
