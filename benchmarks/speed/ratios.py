"""From blocks to figures: medians, and ratios within a round."""

from collections.abc import Sequence
from statistics import median, quantiles

from benchmarks.speed.serving import Block
from state.base import Record


class Spread(Record):
    """A median and the middle half of what it is of."""

    median: float
    low: float
    """First quartile."""
    high: float
    """Third quartile."""
    count: int

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f}-{self.high:.3f})"


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles, of one value itself."""
    low, middle, high = (
        quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    )
    return Spread(median=middle, low=low, high=high, count=len(values))


def time_ratio(ours: Sequence[Block], others: Sequence[Block]) -> Spread:
    """Time of our step over that of the other's, each round by itself; below 1 we are faster."""
    pairs = zip(ours, others, strict=True)
    return spread([one.step_seconds / other.step_seconds for one, other in pairs])


def speed_ratio(ours: Sequence[Block], others: Sequence[Block]) -> Spread:
    """Our speed over the other's, each round by itself; above 1 we are faster."""
    return time_ratio(others, ours)


def cpu_ratio(ours: Sequence[Block], others: Sequence[Block]) -> Spread:
    """As `time_ratio`, of the time of all threads, which other jobs disturb less."""
    pairs = zip(ours, others, strict=True)
    return spread([one.cpu_step_seconds / other.cpu_step_seconds for one, other in pairs])


def steps_per_second(blocks: Sequence[Block]) -> float:
    """Median over blocks."""
    return median(block.steps / block.seconds for block in blocks)


def cpu_ms(blocks: Sequence[Block]) -> float:
    """Milliseconds of all threads that a step takes, median over blocks."""
    return median(1000 * block.cpu_step_seconds for block in blocks)
