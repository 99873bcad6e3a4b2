"""A number and two nested ranges give a verdict."""

from math import isfinite

from pydantic import model_validator

from state.base import Record
from state.validation import Judgement, Measure

WORST_FIRST: tuple[Judgement, ...] = ("fail", "warn", "not judged", "pass")


class Range(Record):
    """Numbers between two bounds, each of which belongs to it or not; None: no bound."""

    low: float | None = None
    high: float | None = None
    holds_low: bool = True
    holds_high: bool = True

    def __contains__(self, value: float) -> bool:
        above = self.low is None or value > self.low or (self.holds_low and value == self.low)
        below = self.high is None or value < self.high or (self.holds_high and value == self.high)
        return isfinite(value) and above and below

    def holds(self, inner: "Range") -> bool:
        """Every number of `inner` is in this range."""
        low = _reaches(self.low, self.holds_low, inner.low, inner.holds_low, sign=1)
        return low and _reaches(self.high, self.holds_high, inner.high, inner.holds_high, sign=-1)

    def __str__(self) -> str:
        low, high = f"{self.low or 0:.4g}", f"{self.high or 0:.4g}"
        match self.low, self.high:
            case None, None:
                return "any"
            case _, None:
                return f"{low} or more" if self.holds_low else f"above {low}"
            case None, _:
                return f"at most {high}" if self.holds_high else f"below {high}"
            case _:
                return f"{low} to {high}"


class Band(Record):
    """What passes, inside what warns; every other number fails."""

    passes: Range
    warns: Range

    @model_validator(mode="after")
    def _nested(self) -> "Band":
        if not self.warns.holds(self.passes):
            raise ValueError(
                f"what passes ({self.passes}) must lie inside what warns ({self.warns}); widen that"
            )
        return self

    def judge(self, value: float | None) -> Judgement:
        """None, and what is not finite, fails."""
        if value is None or value not in self.warns:
            return "fail"
        return "pass" if value in self.passes else "warn"

    def measure(self, name: str, value: float | None) -> Measure:
        """The number with its limit and verdict."""
        told = value if value is not None and isfinite(value) else None
        return Measure(name=name, value=told, limit=str(self.passes), verdict=self.judge(value))


def worst(verdicts: list[Judgement]) -> Judgement:
    """The verdict of a gate that asks several things; of one that asks none: not judged."""
    return min(verdicts, key=WORST_FIRST.index, default="not judged")


def _reaches(
    outer: float | None, outer_holds: bool, inner: float | None, inner_holds: bool, *, sign: int
) -> bool:
    """The outer bound is no nearer than the inner one; `sign` is 1 for lower bounds."""
    if outer is None:
        return True
    if inner is None or sign * inner < sign * outer:
        return False
    return inner != outer or outer_holds or not inner_holds
