"""Learning rates of single steps, against their formulas."""

from math import cos, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.tasks import Decay, LearningRateSpan
from trainer.schedule import decayed, multiplier

WARMUP, TOTAL, FLOOR = 100, 2000, 0.1


def nanogpt_rate(step: int) -> float:
    """Its formula, with our warm-up, which reaches the peak one step earlier."""
    if step < WARMUP:
        return (step + 1) / WARMUP
    way = (step - WARMUP) / (TOTAL - WARMUP)
    return FLOOR + 0.5 * (1 + cos(pi * way)) * (1 - FLOOR)


def cosine(age: int, steps: int) -> list[float]:
    """Rates of a task of a member of that age."""
    span = LearningRateSpan(
        last=FLOOR,
        decay=Decay(curve="cosine", start=WARMUP, end=TOTAL),
        warmup_steps=WARMUP,
        age_steps=age,
    )
    return [multiplier(span, index, steps) for index in range(steps)]


def test_a_cosine_is_exact_in_every_step() -> None:
    assert cosine(0, TOTAL) == pytest.approx([nanogpt_rate(step) for step in range(TOTAL)])


@given(st.integers(1, TOTAL - 1))
def test_cutting_a_run_changes_no_rate(cut: int) -> None:
    assert (
        cosine(0, cut)[-5:] + cosine(cut, TOTAL - cut)[:5]
        == cosine(0, TOTAL)[max(0, cut - 5) : cut + 5]
    )


@given(
    curve=st.sampled_from(["linear", "cosine"]),
    start=st.integers(0, 500),
    length=st.integers(0, 500),
    age=st.integers(0, 1200),
)
def test_a_fall_never_turns_and_stays_between_its_ends(
    curve: str, start: int, length: int, age: int
) -> None:
    decay = Decay.model_validate({"curve": curve, "start": start, "end": start + length})
    now, later = decayed(decay, age), decayed(decay, age + 1)
    assert 0 <= now <= later <= 1
    assert decayed(decay, start) == 0
    if length:
        assert decayed(decay, start + length) == pytest.approx(1)


def test_a_linear_fall_starts_at_its_start_and_has_not_ended_with_the_last_step() -> None:
    decay = Decay(curve="linear", start=600, end=1000)
    span = LearningRateSpan(last=0.0, decay=decay, age_steps=0)
    rates = [multiplier(span, index, 1000) for index in range(1000)]
    assert rates[600] == 1.0
    assert rates[800] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(1 / 400)


def test_a_span_without_a_fall_is_linear_over_its_task() -> None:
    span = LearningRateSpan(first=1.0, last=0.0, age_steps=7)
    assert [multiplier(span, index, 4) for index in range(4)] == [1.0, 0.75, 0.5, 0.25]
