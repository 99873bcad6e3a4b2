"""The other figures: what they show where little or much is known."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from orchestrator.figures.battery import battery_figure
from orchestrator.figures.course import Course, Path, course_figure
from orchestrator.figures.gains import Trial, gains_figure
from orchestrator.figures.panels import Curve, Panel, joined, panels_figure
from orchestrator.figures.style import NothingToDraw
from orchestrator.figures.synchrony import Beat, synchrony_figure
from orchestrator.figures.timeline import Span, _apart, merged
from state.records import BatteryReport, ProbeScore

SPANS = (
    Span("primordial", 0, 50, "retry"),
    Span("primordial", 50, 100),
    Span("cambrian", 100, 200),
)


def xs(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_xdata(), dtype=np.float64)]


def ys(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_ydata(), dtype=np.float64)]


def test_a_reference_far_above_is_named_at_the_edge_and_squeezes_nothing() -> None:
    path = Path("champion", "lineage", ((10.0, 2.5), (200.0, 2.0)))
    course = Course(SPANS, (path,), references=(("untrained", 8.0), ("order-2", 2.2)))
    axes = course_figure(course).axes[0]
    assert axes.get_ylim()[1] < 2.7
    words = {text.get_text() for text in axes.texts}
    assert {"above: untrained 8.0000", "order-2 2.2000"} <= words


def test_attempts_at_a_phase_share_its_name_and_the_undone_one_is_marked() -> None:
    assert merged(SPANS) == [Span("primordial", 0, 100), Span("cambrian", 100, 200)]
    path = Path("champion", "lineage", ((10.0, 2.5),))
    axes = course_figure(Course(SPANS, (path,))).axes[0]
    words = [text.get_text().strip() for text in axes.texts]
    assert words == ["retry", "Primordial", "Cambrian"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 0.15)), min_size=1, max_size=6))
def test_names_of_phases_stay_apart_and_inside(wanted: list[tuple[float, float]]) -> None:
    wanted.sort()
    widths = [width for _, width in wanted]
    places = _apart([place for place, _ in wanted], widths)
    edges = [(p - w / 2, p + w / 2) for p, w in zip(places, widths, strict=True)]
    assert edges[0][0] >= -1e-9
    assert edges[-1][1] <= 1 + 1e-9
    assert all(right <= left + 1e-9 for (_, right), (left, _) in pairwise(edges))


def test_a_generation_without_synchrony_is_a_gap() -> None:
    beats = [Beat(10.0 * n, n, 0.5, 0.8, False) for n in (1, 2, 5, 6)]
    lines = synchrony_figure(beats, SPANS).axes[0].get_lines()
    assert [xs(line) for line in lines if line.get_marker() == "o"] == [[10, 20], [50, 60]]


def test_a_challenger_far_below_is_a_triangle_at_the_edge() -> None:
    trials = [Trial(10, 0.01, 0.02, "challenger"), Trial(20, -5.0, 0.02, "challenger")]
    axes = gains_figure([*trials, Trial(30, -0.01, 0.02, "twin")], [], SPANS).axes[0]
    low = axes.get_ylim()[0]
    assert low > -0.5
    below = [line for line in axes.get_lines() if line.get_marker() == "v"]
    assert [ys(line) for line in below] == [[low]]


def test_batteries_with_other_probes_are_drawn_side_by_side() -> None:
    reports = [
        BatteryReport(
            phase="cambrian",
            generation=number,
            composite=0.5,
            probes=tuple(ProbeScore(name=name, score=0.25 * number) for name in names),
            samples=(),
            tokens_per_sec=1,
        )
        for number, names in ((1, ("fluency",)), (2, ("fluency", "ending")))
    ]
    figure = battery_figure([("one", reports[0]), ("two", reports[1])])
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_visible()}
    assert xs(panels["ending"].get_lines()[0]) == [1]
    assert ys(panels["fluency"].get_lines()[0]) == [0.25, 0.5]


def test_a_hole_in_a_sparse_reading_stays_a_hole() -> None:
    x = np.array([0, 50, 100, 400, 450], dtype=np.float64)
    at, values = joined(x, np.ones(5))
    assert list(at[np.isnan(values)]) == [400]
    assert list(at[np.isfinite(values)]) == list(x)


def test_what_was_never_measured_has_no_figure() -> None:
    draws: list[Callable[[], Figure]] = [
        lambda: course_figure(Course(SPANS, ())),
        lambda: gains_figure([], [], SPANS),
        lambda: synchrony_figure([], SPANS),
        lambda: battery_figure([]),
        lambda: panels_figure([]),
    ]
    for draw in draws:
        with pytest.raises(NothingToDraw):
            draw()


def test_a_panel_shows_its_limit_and_alarms() -> None:
    steps = np.arange(100, dtype=np.float64)
    panel = Panel("clipping", (Curve("up", steps, steps),), ("limit", 9.0), (12.0,), "alarm")
    axes = panels_figure([panel]).axes[0]
    assert axes.get_legend_handles_labels()[1] == ["limit", "alarm"]
    assert xs(axes.get_lines()[-1]) == [12.0, 12.0]
