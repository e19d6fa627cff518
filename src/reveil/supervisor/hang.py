"""When Snakemake counts as hanging: it waits for jobs that SLURM no longer knows."""


class HangRule:
    """Looks at a run again and again; all of it must hold at each look without a break.

    squeue answers, no job of the run is in the queue, and Snakemake does nothing: it says nothing,
    runs nothing on this machine and computes nothing. A look at which squeue does not answer says
    nothing about the queue, and the wait begins anew.

    Args:
        seconds: how long that must hold.
        checks: looks at which it must hold, at least.
    """

    def __init__(self, seconds: float, checks: int) -> None:
        self.seconds, self.checks = seconds, checks
        self._since: float | None = None
        self._looks = 0

    def look(self, now: float, *, empty: bool | None, idle: bool) -> bool:
        """Take one look at time ``now``, in seconds, and return whether this is a hang.

        Args:
            empty: whether no job of the run is in the queue; None if squeue did not answer.
            idle: whether Snakemake has done nothing since the last look.
        """
        if empty is not True or not idle:
            self._since, self._looks = None, 0
            return False
        if self._since is None:
            self._since = now
        self._looks += 1
        return self._looks >= self.checks and now - self._since >= self.seconds

    def waited(self, now: float) -> float:
        """Return for how many seconds it has held so far."""
        return 0.0 if self._since is None else now - self._since
