"""The learning rate as a pure function of the step's place in its task."""

from state.tasks import LearningRateSpan


def multiplier(span: LearningRateSpan, index: int, steps: int) -> float:
    """Factor of the peak rate at step `index` (from 0) of a task of `steps`.

    Step 0 gets `first`; `last` is what the next task starts with, so a span cut in two gives
    the same rates as the whole. Warm-up counts the member's age and never gives 0.
    """
    assert 0 <= index < steps
    level = span.first + (span.last - span.first) * index / steps
    if span.warmup_steps == 0:
        return level
    return level * min(1.0, (span.age_steps + index + 1) / span.warmup_steps)


def morph_fraction(index: int, morph_steps: int) -> float:
    """How far the new activation is blended in at step `index`: 1 from step `morph_steps - 1`."""
    return min(1.0, (index + 1) / morph_steps) if morph_steps else 1.0
