"""Numbers, bars and foreign text in the width of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.terminal.figures import (
    bar,
    compact,
    duration,
    number,
    printable,
    sparkline,
    thinned,
)


@given(st.text())
def test_printable_text_is_one_line_without_control_characters(text: str) -> None:
    shown = printable(f"{text}\x1b[31m\r\n\x9b\u2028\u202e\t")
    assert shown.isprintable() or "\u00a0" in shown
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.2, "0 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


@given(st.floats(0, 9e8))
def test_compact_numbers_stay_short(value: float) -> None:
    assert len(compact(value)) <= 5


@pytest.mark.parametrize(
    ("value", "shown"), [(870, "870"), (12_345, "12.3k"), (999_600, "1M"), (4.1e6, "4.1M")]
)
def test_compact_numbers(value: float, shown: str) -> None:
    assert compact(value) == shown


@given(st.floats(-1, 2), st.integers(3, 100))
def test_a_bar_has_its_width(share: float, width: int) -> None:
    assert len(bar(share, width)) == width


def test_a_bar_shows_the_share() -> None:
    assert bar(0.5, 10) == "[####----]"


def test_a_sparkline_spans_least_to_greatest() -> None:
    assert sparkline([3, 2, 1], 10) == "█▅▁"
    assert sparkline([5, 5], 10) == "▁▁"
    assert sparkline([], 10) == ""
    assert len(sparkline(list(range(50)), 10)) == 10
    assert sparkline([0, 1], 4, ascii_only=True) == "_#"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_shown_as_none(value: float) -> None:
    assert duration(value) == compact(value) == number(value, "{:.3f}") == "-"
    assert bar(value, 6) == "[----]"
    assert sparkline([1, value, 0], 5) == "█▁"
    assert number(None, "{:.3f}") == "-"
    assert number(1.23456, "{:.3f}") == "1.235"


@given(st.lists(st.floats(-5, 5), max_size=300), st.integers(1, 60))
def test_a_thinned_course_fits_and_keeps_its_ends(values: list[float], count: int) -> None:
    shown = thinned(values, count)
    assert len(shown) <= count
    if values:
        assert min(values) - 1e-9 <= min(shown) <= max(shown) <= max(values) + 1e-9
    if len(values) <= count:
        assert shown == pytest.approx(values)
