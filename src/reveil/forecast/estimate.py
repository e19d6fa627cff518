"""How long a job will take: measured, scaled from a measured one, or guessed."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from reveil.forecast import rates
from reveil.forecast.records import Device, Record
from reveil.forecast.work import Work

MEASURED, SCALED, GUESSED = "measured", "scaled", "guessed"
BASES = (MEASURED, SCALED, GUESSED)
# Amounts of work that differ by less are the same: a last block is shorter by some images.
SAME = 1.02
# Up to so many times as much work, or as little, a measured time is scaled; beyond, it is mostly
# start-up and says nothing.
FARTHEST = 100.0
# How far off a scaled time may be, by how far the work is from the measured one.
SPREADS = ((3.0, 1.3), (30.0, 2.0), (FARTHEST, 3.0))


@dataclass(frozen=True)
class Estimate:
    """The time of one job.

    Attributes:
        seconds: most likely.
        low, high: what it is expected to lie between; of measured ones, the least and the most.
        basis: one of ``BASES``.
    """

    seconds: float
    low: float
    high: float
    basis: str


class Estimator:
    """Tells the time of jobs on one GPU model and one processor.

    Measured: the same rule, model, dataset, attack and amount of work on the same device. Scaled:
    the same rule and model at the same size of images on the same device, start-up + rate x work.
    Otherwise guessed, see :mod:`reveil.forecast.rates`. What ran on another device never counts.

    Args:
        records: of finished jobs, on any device.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._same: dict[tuple[Device, tuple[str, ...]], list[Record]] = defaultdict(list)
        self._alike: dict[tuple[Device, tuple[str, ...]], list[Record]] = defaultdict(list)
        for record in records:
            self._same[record.device, record.work.kind].append(record)
            self._alike[record.device, record.work.alike].append(record)

    def __call__(self, rule: str, work: Work | None, device: Device) -> Estimate:
        """Return the time of a job; ``work`` is None for a light one."""
        if work is None:
            return _around(rates.LIGHT_SECONDS, rates.LIGHT_FACTOR)
        measured = [
            record.seconds
            for record in self._same[device, work.kind]
            if _distance(record.work, work) <= SAME
        ]
        if measured:
            return Estimate(median(measured), min(measured), max(measured), MEASURED)
        return self._scaled(work, device) or guess(rule, work, device)

    def _scaled(self, work: Work, device: Device) -> Estimate | None:
        near = [
            record
            for record in self._alike[device, work.alike]
            if _distance(record.work, work) <= FARTHEST
        ]
        if not near:
            return None
        closest = min(_distance(record.work, work) for record in near)
        spread = next(spread for limit, spread in SPREADS if closest <= limit)
        return _around(_law(near, work, device), spread, SCALED)


def guess(rule: str, work: Work, device: Device) -> Estimate:
    """Return the time of a job of which nothing is known but its rule's rate.

    Args:
        rule: with a rate.
        work: its amount and multiply-adds.
        device: a GPU, or threads of a processor, which share the multiply-adds evenly.
    """
    rate = rates.rate_of(rule)
    if rate is None:
        return _around(rates.LIGHT_SECONDS, rates.LIGHT_FACTOR)
    kind = rates.GPU if device.is_gpu else rates.CPU
    speed = rates.SPEED[kind] * max(1, device.threads)
    if work.bf16:
        speed *= rates.BF16[kind]
    seconds = work.amount * (rate.passes * work.products / speed + rate.each[kind])
    startup, spread, factor = rates.STARTUP[kind], rates.STARTUP_FACTOR, rate.factor[kind]
    return Estimate(
        startup + seconds,
        startup / spread + seconds / factor,
        startup * spread + seconds * factor,
        GUESSED,
    )


def _law(near: Sequence[Record], work: Work, device: Device) -> float:
    """Return start-up + rate x work, of the nearest records or of the line through several."""
    amounts = {record.work.amount for record in near}
    if max(amounts) >= 2 * min(amounts):
        least, most = min(amounts), max(amounts)
        low = median(r.seconds for r in near if r.work.amount == least)
        high = median(r.seconds for r in near if r.work.amount == most)
        if high > low:
            rate = (high - low) / (most - least)
            startup = max(0.0, low - rate * least)
            return startup + rate * work.amount
    nearest = min(near, key=lambda record: _distance(record.work, work))
    startup = nearest.startup
    if startup is None:
        startup = min(nearest.seconds / 2, rates.STARTUP[rates.GPU if device.is_gpu else rates.CPU])
    return startup + (nearest.seconds - startup) * work.amount / nearest.work.amount


def _distance(one: Work, other: Work) -> float:
    """Return by what factor two amounts of work differ, 1 or more."""
    if min(one.amount, other.amount) <= 0:
        return 1.0 if one.amount == other.amount else math.inf
    ratio = one.amount / other.amount
    return max(ratio, 1 / ratio)


def _around(seconds: float, factor: float, basis: str = GUESSED) -> Estimate:
    return Estimate(seconds, seconds / factor, seconds * factor, basis)
