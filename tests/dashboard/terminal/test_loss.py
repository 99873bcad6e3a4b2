"""The course of training and search loss."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from dashboard.terminal.history import Point
from dashboard.terminal.layout import Room
from dashboard.terminal.loss import courses, loss
from dashboard.terminal.snapshot import RunView
from tests.dashboard.terminal.frames import drawn

PHASES = ["abiogenesis"] * 2 + ["primordial"] * 6 + ["cambrian"] * 4


def points(*values: float) -> tuple[Point, ...]:
    return tuple(Point(PHASES[i], i, value + 2, value) for i, value in enumerate(values))


FALLING = points(*(3 - i / 10 for i in range(12)))


def test_each_curve_is_named_with_its_first_and_last_number(view: RunView) -> None:
    shown = drawn(loss(replace(view, course=FALLING), Room(60, 20)), 3)
    assert shown[0].startswith("training   5.000 to 3.900 nats ")
    assert shown[1].startswith("search     3.000 to 1.900 bpb ")
    assert shown[1].endswith(" █▇▇▆▅▅▄▄▃▂▂▁")


def test_a_best_that_is_not_the_last_is_told(view: RunView) -> None:
    shown = drawn(loss(replace(view, course=points(3.0, 2.0, 2.5)), Room(60, 20)), 3)
    assert "search     3.000 to 2.500 bpb, best 2.000" in shown[1]


def test_a_baseline_has_a_curve_of_its_own(view: RunView) -> None:
    other = Point("control", 12, 4.0, 2.75)
    found = {one.name: one.values[-1] for one in courses(replace(view, course=(*FALLING, other)))}
    assert found == pytest.approx({"training": 3.9, "search": 1.9, "baseline": 2.75})


def test_what_was_not_measured_leaves_a_gap(view: RunView) -> None:
    gaps = (Point("cambrian", 0, None, 2.0), Point("cambrian", 1, float("nan"), None))
    assert [(one.name, one.values) for one in courses(replace(view, course=gaps))] == [
        ("search", (2.0,))
    ]
    assert drawn(loss(replace(view, course=()), Room(60, 20)), 3) == ["nothing is measured yet"]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_with_room_the_curves_are_charts_over_their_phases(view: RunView, ascii_only: bool) -> None:
    section = loss(replace(view, course=FALLING), Room(120, 60, ascii_only))
    shown = drawn(section, 9)
    assert len(shown) == 9
    assert shown[0].startswith("training 5.000 to 3.900 nats")
    assert "search 3.000 to 1.900 bpb" in shown[0]
    assert shown[1].split()[0] == "5.000"
    assert shown[7].split()[0] == "3.900"
    assert shown[8].split()[:3] == ["abiogene", "primordial", "cambrian"]
    assert max(map(cell_len, shown)) <= 120
    assert not ascii_only or all(line.isascii() for line in shown)


def test_a_run_of_one_generation_has_no_chart(view: RunView) -> None:
    section = loss(replace(view, course=points(3.0)), Room(120, 60))
    assert section.want.most == 3
    assert drawn(section, 2) == ["training   5.000", "search     3.000"]
