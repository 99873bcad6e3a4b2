"""The gate: pass unless shown to be worse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.intervals import Interval
from orchestrator.gate_config import GateConfig
from orchestrator.gates.phase_gate import (
    Comparison,
    Deficit,
    compare,
    judge,
    paired_deficit,
    writes_worse,
)
from state.records import Evaluation
from tests.builders import make_evaluation
from tests.copies import battery_of, copy_of

CONFIG = GateConfig()


def worse(low: float, composite: float | None = None, *, collapsed: bool = False) -> Comparison:
    """A comparison whose intervals begin at `low` and, where both were tried, at `composite`."""
    return Comparison(
        deficit=Deficit(mean=low + 0.01, low=low, high=low + 0.02),
        composite=None if composite is None else Interval(composite, composite, composite),
        collapsed=collapsed,
    )


def verdict(found: Comparison | None, refusal: str = "") -> str:
    return judge(found, config=CONFIG, refusal=refusal).verdict


def test_the_first_phase_passes() -> None:
    assert verdict(None) == "pass"


def test_not_shown_to_be_worse_passes() -> None:
    assert verdict(worse(0.005)) == "pass"
    assert verdict(worse(-0.02)) == "pass"


def test_shown_to_be_worse_is_retried_then_reverted() -> None:
    assert verdict(worse(0.006)) == "retry"
    assert verdict(worse(0.006), refusal="this was the second attempt") == "revert"


def test_a_phase_that_is_not_begun_again_says_why() -> None:
    gate = judge(worse(0.006), config=CONFIG, refusal="this was the second attempt")
    assert gate.reason.endswith("slack 0.50%; this was the second attempt")
    assert gate.numbers["low"] == 0.006
    assert gate.numbers["slack"] == CONFIG.bits_per_byte_slack


def test_a_refusal_does_not_matter_to_a_phase_that_passes() -> None:
    gate = judge(worse(0.0), config=CONFIG, refusal="this was the second attempt")
    assert gate.verdict == "pass"
    assert "second attempt" not in gate.reason


@given(low=st.floats(-0.2, 0.2), width=st.floats(0, 0.2), refusal=st.sampled_from(["", "no room"]))
def test_the_lower_bound_alone_decides(low: float, width: float, refusal: str) -> None:
    deficit = Deficit(mean=low + width / 2, low=low, high=low + width)
    found = Comparison(deficit, None, collapsed=False)
    passes = low <= CONFIG.bits_per_byte_slack
    wanted = "pass" if passes else "revert" if refusal else "retry"
    assert verdict(found, refusal) == wanted


def test_writing_shown_to_be_worse_is_retried_at_equal_bits() -> None:
    assert verdict(worse(-0.1, composite=0.03)) == "pass"
    assert verdict(worse(-0.1, composite=0.031)) == "retry"
    assert verdict(worse(-0.1, composite=0.031), refusal="no room") == "revert"


def test_better_writing_does_not_excuse_bits_shown_to_be_worse() -> None:
    assert verdict(worse(0.006, composite=-0.2)) == "retry"


def test_a_collapse_goes_back_at_once() -> None:
    gate = judge(worse(-0.1, composite=0.4, collapsed=True), config=CONFIG)
    assert gate.verdict == "revert"
    assert gate.reason.endswith("its composite is below 70% of the best")


def test_both_measures_are_in_the_reason_and_in_the_numbers() -> None:
    found = Comparison(Deficit(mean=0.01, low=0.0, high=0.02), Interval(0.05, 0.01, 0.09), False)
    gate = judge(found, config=CONFIG)
    assert "+1.00% bits per byte" in gate.reason
    assert "composite -0.050, interval -0.090 to -0.010, slack 0.030" in gate.reason
    assert gate.numbers["composite_low"] == 0.01
    assert gate.numbers["composite_slack"] == CONFIG.composite_slack


def test_copies_without_a_battery_are_compared_by_their_bits_alone() -> None:
    found = compare(copy_of(2.1), [copy_of(2.0)], CONFIG, seed=1)
    assert found.composite is None
    assert not found.collapsed
    assert found.deficit.mean == pytest.approx(0.05)


def test_the_same_writing_is_no_deficit() -> None:
    one = copy_of(2.0, battery=battery_of(0.8))
    found = compare(one, [one], CONFIG, seed=1)
    assert found.composite == Interval(0.0, 0.0, 0.0)
    assert not found.collapsed


def test_a_composite_far_below_the_best_has_collapsed() -> None:
    good, bad = (copy_of(2.0, battery=battery_of(share)) for share in (0.9, 0.5))
    found = compare(bad, [good], CONFIG, seed=1)
    assert found.collapsed
    assert found.composite is not None
    assert found.composite.low > CONFIG.composite_slack


def test_the_interval_is_paired_over_the_blocks() -> None:
    """Blocks differ wildly, but the candidate is 2 % worse on each: the interval is tight."""
    reference = uneven(1.0)
    deficit = paired_deficit(uneven(1.02), reference, CONFIG, seed=1)
    assert abs(deficit.mean - 0.02) < 1e-9
    assert deficit.high - deficit.low < 1e-9


def test_a_noisy_difference_is_not_shown_to_be_worse() -> None:
    reference = make_evaluation(2.0)
    nats = reference.blocks[0][0]
    blocks = tuple((nats * (1.2 if n % 2 else 0.82), 500) for n in range(16))
    noisy = reference.model_copy(update={"blocks": blocks, "nats": sum(b[0] for b in blocks)})
    deficit = paired_deficit(noisy, reference, CONFIG, seed=1)
    assert deficit.mean > CONFIG.bits_per_byte_slack
    assert deficit.low < CONFIG.bits_per_byte_slack


def test_the_interval_is_the_same_for_the_same_seed() -> None:
    first, second = (
        paired_deficit(make_evaluation(2.1), uneven(1.0), CONFIG, seed=5) for _ in range(2)
    )
    assert first == second


def uneven(factor: float) -> Evaluation:
    flat = make_evaluation(2.0)
    blocks = tuple(
        (nats * factor * (1 + n / 4), size) for n, (nats, size) in enumerate(flat.blocks)
    )
    return flat.model_copy(update={"blocks": blocks, "nats": sum(nats for nats, _ in blocks)})


def test_a_battery_that_failed_does_not_end_the_veto() -> None:
    """The best copy was not tried; the one behind it was."""
    untried, good = copy_of(1.9), copy_of(2.0, "relu", battery=battery_of(0.9))
    bad = copy_of(1.8, battery=battery_of(0.3))
    found = compare(bad, [untried, good], CONFIG, seed=1)
    assert found.deficit.mean < 0
    assert found.collapsed
    assert writes_worse(bad, [untried, good], CONFIG)
    assert not writes_worse(bad, [untried], CONFIG)
