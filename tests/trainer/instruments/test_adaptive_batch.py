"""What each alarm does to the batch size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.instruments.adaptive_batch import BatchDecision, adapt_batch
from trainer.instruments.config import SymbioConfig

CONFIG = SymbioConfig()
SPIKE, VANISHING, CLIPPING, SLOW, DIVERGING = 0x01, 0x02, 0x04, 0x08, 0x10


def decide(
    alerts: int,
    size: int = 20,
    original: int = 20,
    calm_steps: int = 7,
    config: SymbioConfig = CONFIG,
    *,
    to_throughput: bool = False,
) -> BatchDecision:
    return adapt_batch(
        alerts, size, original, calm_steps, config, adapt_to_throughput=to_throughput
    )


@pytest.mark.parametrize(
    ("alerts", "size", "reason"),
    [
        (SPIKE, 16, "cusum_grad_spike"),
        (CLIPPING, 24, "cusum_clip_onset"),
        (SLOW, 16, "cusum_throughput_drop"),
        (SPIKE | CLIPPING, 16, "cusum_grad_spike"),
        (SPIKE | SLOW, 16, "cusum_grad_spike"),
        (SLOW | CLIPPING, 16, "cusum_throughput_drop"),
        (CLIPPING | DIVERGING, 24, "cusum_clip_onset"),
    ],
)
def test_an_alarm_changes_the_batch_by_one_step(alerts: int, size: int, reason: str) -> None:
    assert decide(alerts, to_throughput=True) == (size, reason, 0)


@pytest.mark.parametrize("alerts", [VANISHING, DIVERGING, VANISHING | DIVERGING])
def test_vanishing_and_divergence_change_nothing_but_end_the_calm(alerts: int) -> None:
    assert decide(alerts, size=16) == (16, None, 0)


def test_the_clock_changes_nothing_unless_it_is_asked_for() -> None:
    assert decide(SLOW) == (20, None, 8)
    assert decide(SLOW | CLIPPING) == (24, "cusum_clip_onset", 0)


@pytest.mark.parametrize(
    ("alerts", "size", "expected"),
    [
        (SPIKE, 10, 8),
        (SPIKE, 8, 8),
        (SPIKE, 5, 5),
        (CLIPPING, 62, 64),
        (CLIPPING, 64, 64),
        (CLIPPING, 100, 100),
        (SPIKE, 100, 96),
        (CLIPPING, 5, 9),
    ],
)
def test_the_bounds_hold_and_a_size_that_was_asked_for_outside_stays(
    alerts: int, size: int, expected: int
) -> None:
    decision = decide(alerts, size=size, original=size)
    assert decision.size == expected
    assert (decision.reason is None) == (expected == size)


@pytest.mark.parametrize(
    ("size", "original", "expected"),
    [(12, 20, 16), (18, 20, 20), (28, 20, 24), (21, 20, 20), (5, 100, 9)],
)
def test_two_hundred_calm_steps_earn_one_step_back_from_either_side(
    size: int, original: int, expected: int
) -> None:
    assert decide(0, size, original, 198) == (size, None, 199)
    assert decide(0, size, original, 199) == (expected, "calm_return", 0)


def test_a_batch_that_was_never_changed_stays_through_every_calm() -> None:
    assert decide(0, 20, 20, 199) == (20, None, 0)


def test_without_adaptive_batch_no_alarm_changes_it() -> None:
    config = SymbioConfig(adaptive_batch=False)
    assert decide(0x1F, config=config, to_throughput=True) == (20, None, 0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 0x1F), max_size=60),
    st.integers(1, 100),
    st.booleans(),
)
def test_the_batch_never_leaves_the_bounds_and_the_original(
    alarms: list[int], original: int, to_throughput: bool
) -> None:
    size, calm_steps = original, 0
    low, high = min(original, CONFIG.batch_min), max(original, CONFIG.batch_max)
    for alerts in alarms:
        decision = decide(alerts, size, original, calm_steps, to_throughput=to_throughput)
        assert low <= decision.size <= high
        assert abs(decision.size - size) <= CONFIG.batch_step
        assert (decision.reason is None) == (decision.size == size)
        size, calm_steps = decision.size, decision.calm_steps
    for _ in range(200 * 30):
        size, _, calm_steps = decide(0, size, original, calm_steps)
    assert size == original
