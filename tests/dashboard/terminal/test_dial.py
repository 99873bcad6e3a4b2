"""The circle: phases where they are, an arrow as long as r."""

from math import atan2, cos, hypot, pi, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from dashboard.terminal.dial import Dial, dial_lines
from dashboard.terminal.dots import Dots, polyline

STYLES = ("bold", "")
ANGLES = st.floats(-50, 50)


def shown(*phases: float, r: float = 0.0, psi: float = 0.0, rows: int = 11) -> list[str]:
    dial = Dial(phases, range(len(phases)), r, psi)
    return [line.plain for line in dial_lines(dial, rows, STYLES, ascii_only=True)]


def where(lines: list[str], mark: str) -> tuple[float, float]:
    """Column and row of a mark from the middle, in units of the radius."""
    row = next(i for i, line in enumerate(lines) if mark in line)
    across, up = len(lines[0]) / 2, len(lines) / 2
    return (lines[row].index(mark) + 0.5 - across) / across, (up - row - 0.5) / up


@settings(max_examples=40)
@given(st.floats(-pi, pi))
def test_a_phase_stands_in_its_direction_on_the_circle(phase: float) -> None:
    x, y = where(shown(phase, rows=15), "0")
    assert abs(hypot(x, y) - 0.95) < 0.12
    apart = atan2(y, x) - phase
    assert abs(atan2(sin(apart), cos(apart))) < 0.2


def test_whole_turns_make_no_difference() -> None:
    assert shown(0.3 + 6 * pi, -1 - 4 * pi) == shown(0.3, -1.0)


@given(st.lists(ANGLES, min_size=1, max_size=9), st.integers(7, 15))
def test_every_lineage_has_a_mark_of_its_own(phases: list[float], rows: int) -> None:
    drawn = "".join(shown(*phases, rows=rows))
    assert sorted(filter(str.isdigit, drawn)) == [str(i) for i in range(len(phases))]


@settings(max_examples=40)
@given(st.floats(0.2, 0.9), st.floats(-pi, pi))
def test_the_arrow_is_as_long_as_r_and_points_to_the_mean(r: float, psi: float) -> None:
    x, y = where(shown(r=r, psi=psi, rows=15), "o")
    assert abs(hypot(x, y) - 0.95 * r) < 0.12
    assert abs(x - 0.95 * r * cos(psi)) < 0.1
    assert abs(y - 0.95 * r * sin(psi)) < 0.1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(), max_size=40), st.floats(), st.floats(0, 1), st.integers(1, 20))
def test_the_circle_is_twice_as_wide_as_high_whatever_is_on_it(
    phases: list[float], psi: float, r: float, rows: int
) -> None:
    dial = Dial(phases, range(len(phases)), r, psi)
    for ascii_only in (False, True):
        lines = dial_lines(dial, rows, STYLES, ascii_only=ascii_only)
        assert [cell_len(line.plain) for line in lines] == [2 * rows] * rows
        assert not ascii_only or all(line.plain.isascii() for line in lines)


def test_dots_are_addressed_from_the_lower_left() -> None:
    dots = Dots(2, 1, ascii_only=False)
    dots.dot(0, 0)
    dots.dot(1, 1)
    assert dots.lines() == ["\u2840\u2808"]
    plain = Dots(3, 1, ascii_only=True)
    plain.dot(0, 0)
    plain.dot(0.5, 1)
    plain.stroke((1, 0), (1, 1))
    assert plain.lines() == [".':"]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.integers(1, 50), st.integers(1, 9))
def test_a_curve_has_its_size_and_touches_top_and_bottom(
    values: list[float], width: int, height: int
) -> None:
    lines = polyline(values, width, height, ascii_only=True)
    assert [len(line) for line in lines] == [width] * height
    if max(values) - min(values) > 1e-3:
        assert lines[0].strip()
        assert lines[-1].strip()


@pytest.mark.parametrize(
    ("values", "rows"), [([2, 1], ["'..  ", "   '."]), ([1, 2], ["   .'", ".'"])]
)
def test_a_curve_falls_or_rises(values: list[float], rows: list[str]) -> None:
    first, last = polyline(values, 5, 2, ascii_only=True)
    falls = values[0] > values[1]
    assert first.strip()
    assert (first.index(first.strip()[0]) < last.index(last.strip()[0])) == falls
