"""Thinned lines keep what a person would look for."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.web.figures import curves
from dashboard.web.figures.curves import Point
from dashboard.web.figures.plot import MAX_POINTS
from state.metrics_figures import Spread
from tests.dashboard.web.figures.reading import View
from tests.dashboard.web.single_worlds import SPIKE

VALUES = st.lists(
    st.none() | st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=400
).filter(lambda found: any(value is not None for value in found))


def _points(values: list[float | None]) -> list[Point | None]:
    return [
        Point(at, at, 1, None if value is None else Spread(value, value, value))
        for at, value in enumerate(values)
    ]


@given(VALUES, st.integers(2, 40))
def test_grouping_bounds_the_number_and_keeps_the_extremes(
    values: list[float | None], most: int
) -> None:
    grouped = curves.grouped(_points(values), most)
    spreads = [one.spread for one in grouped if one is not None and one.spread is not None]
    known = [value for value in values if value is not None]
    assert len(grouped) <= max(most, 1)
    assert min(one.least for one in spreads) == min(known)
    assert max(one.greatest for one in spreads) == max(known)
    assert sum(one.num_steps for one in grouped if one is not None) == len(values)


def test_a_gap_stays_a_gap() -> None:
    points = [*_points([1.0, 2.0]), None, *_points([3.0, 4.0])]
    x, y = curves.means(points)
    assert y == [1.0, 2.0, None, 3.0, 4.0]
    assert x[2] is None


def test_a_hundred_thousand_steps_are_at_most_two_thousand_points_and_keep_the_spike(
    view: View,
) -> None:
    run = view("long")
    read = curves.load(run, ("loss",))
    x, y = curves.extremes(read.main("loss"))
    assert len(x) <= MAX_POINTS
    assert max(value for value in y if value is not None) == SPIKE[1]
    place = x[y.index(SPIKE[1])]
    assert place is not None
    assert abs(place - SPIKE[0]) < 200
    assert x[-1] == 100_000


def test_a_window_shows_every_step_in_it(view: View) -> None:
    run = view("long")
    read = curves.load(run, ("loss",), (60_000.0, 60_400.0))
    steps = {row.first_step for row in read.rows}
    assert SPIKE[0] in steps
    assert all(row.first_step == row.last_step for row in read.rows)
    assert 400 <= len(read.rows) <= 402


def test_a_line_of_many_steps_has_its_range_behind_it(view: View) -> None:
    run = view("long")
    read = curves.load(run, ("loss",))
    behind, course = curves.drawn("model", read.main("loss"), "--blue")
    assert behind["showlegend"] is False
    assert behind["legendgroup"] == course["legendgroup"]
    assert isinstance(course["x"], list)
    assert len(course["x"]) <= curves.COURSE_POINTS
