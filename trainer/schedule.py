"""The learning rate as a pure function of the step's place in its task."""

from math import cos, pi
from typing import assert_never

from state.tasks import Decay, LearningRateSpan


def multiplier(span: LearningRateSpan, index: int, steps: int) -> float:
    """Factor of the peak rate at step `index` (from 0) of a task of `steps`.

    Step 0 gets `first`; `last` is what the next task starts with, so a span cut in two gives
    the same rates as the whole. Warm-up counts the member's age and never gives 0.
    """
    assert 0 <= index < steps
    age = span.age_steps + index
    share = index / steps if span.decay is None else decayed(span.decay, age)
    level = span.first + (span.last - span.first) * share
    if span.warmup_steps == 0:
        return level
    return level * min(1.0, (age + 1) / span.warmup_steps)


def decayed(decay: Decay, age: int) -> float:
    """How much of the fall lies behind at an age: 0 up to its start, 1 from its end on."""
    way = (age - decay.start) / max(1, decay.end - decay.start)
    match decay.curve:
        case "linear":
            return min(1.0, max(0.0, way))
        case "cosine":
            return (1 - cos(pi * min(1.0, max(0.0, way)))) / 2
        case _:
            assert_never(decay.curve)


def morph_fraction(index: int, morph_steps: int) -> float:
    """How far the new activation is blended in at step `index`: 1 from step `morph_steps - 1`."""
    return min(1.0, (index + 1) / morph_steps) if morph_steps else 1.0
