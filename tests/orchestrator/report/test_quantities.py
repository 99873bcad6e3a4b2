"""Numbers as people read them."""

import pytest

from orchestrator.report.quantities import count, operations, seconds, times


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (9999, "9,999"), (10_000, "10 k"), (4_096_000, "4.1 M"), (2.5e15, "2.5 P")],
)
def test_counts_have_three_digits(value: float, shown: str) -> None:
    assert count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.84, "0.8 s"),
        (42, "42 s"),
        (59.7, "1 min 00 s"),
        (310, "5 min 10 s"),
        (11_100, "3 h 05 min"),
    ],
)
def test_durations_name_their_units(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_operations_and_times() -> None:
    assert (operations(7), operations(3e9)) == ("7 FLOP", "3 GFLOP")
    assert [times(n) for n in range(3)] == ["never", "once", "2 times"]
