"""What a probe says of one sample."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inference_battery.reference import Reference
from state.records import Sample

LEAST_LENGTH = 64
"""Characters; where an empty text is a fault, it counts as this much."""


class Scored(NamedTuple):
    """A score in [0, 1] and how much it counts."""

    score: float
    weight: float = 1.0


NOT_ASKED = Scored(0.0, 0.0)

Probe = Callable[[Sequence[Sample], Reference], list[Scored]]


def beyond(raw: float, human: float) -> float:
    """How much of the room above the human level is taken, in [0, 1]; `human` is below 1."""
    return max(0.0, raw - human) / (1.0 - human)


def spread_over(samples: Sequence[Sample], scored: Sequence[Scored]) -> list[Scored]:
    """Scores of the plain samples in their places among all."""
    left = iter(scored)
    return [next(left) if one.kind == "plain" else NOT_ASKED for one in samples]


def each(
    samples: Sequence[Sample], rate: Callable[[Sample], float], least_length: int = 1
) -> list[Scored]:
    """Rate every plain sample by itself, empty ones at 0; each counts by its length."""
    return [
        Scored(
            min(1.0, max(0.0, rate(one))) if one.text.strip() else 0.0,
            max(least_length, len(one.text)),
        )
        if one.kind == "plain"
        else NOT_ASKED
        for one in samples
    ]
