"""The phases of the lineages as a person sees them."""

from dataclasses import replace
from math import pi
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.synchrony import LEAST_STRIP, phase_rows, places, synchrony_line
from state.metrics_store import MetricsStore
from state.records import Genome, MemberRecord, Synchrony
from state.run_folder import RunFolder

PHASES = st.lists(st.floats(-50, 50), min_size=1, max_size=6)


def measured(generation: int, *phases: float, locked: bool = False) -> Synchrony:
    return Synchrony(
        generation=generation, r=0.5, psi=0.0, phases=phases, null_quantile=0.9, locked=locked
    )


def champion(generation: int, lineage: int) -> MemberRecord:
    return MemberRecord(
        member_id=f"g{generation:05}-l{lineage}-champion",
        phase="oxidation",
        generation=generation,
        lineage=lineage,
        role="champion",
        genome=Genome(formula="gelu(x)"),
    )


def line(view: RunView, width: int = 80, ascii_only: bool = False) -> str:
    return synchrony_line(view, width, ascii_only=ascii_only).plain


def marks(shown: str) -> str:
    """The lineages of the strip at the end of a line, from left to right."""
    return "".join(filter(str.isdigit, shown.rstrip().rpartition("  ")[2]))


def test_a_mark_lies_where_its_phase_is() -> None:
    assert places([0.0, pi / 2, -pi / 2, 0.999 * pi], 0.0, 41) == [20, 30, 10, 40]
    assert places([1.0], 1.0, 13) == [6]


def test_whole_turns_make_no_difference() -> None:
    assert places([0.3 + 6 * pi, -1.0 - 4 * pi], 0.1, 61) == places([0.3, -1.0], 0.1, 61)


def test_marks_of_one_phase_stand_around_it_in_the_order_of_the_lineages() -> None:
    assert places([0.5, 0.5, 0.5], 0.5, 41) == [19, 20, 21]
    assert places([-pi, -pi, pi], 0.0, 13) == [0, 1, 12]


@given(PHASES, st.floats(-50, 50), st.integers(LEAST_STRIP, 61))
def test_every_lineage_has_a_column_of_its_own_inside_the_strip(
    phases: list[float], mean: float, width: int
) -> None:
    columns = places(phases, mean, width)
    assert len(set(columns)) == len(phases)
    assert min(columns) >= 0
    assert max(columns) < width


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=6, unique=True))
def test_marks_that_do_not_touch_are_not_moved(columns: list[int]) -> None:
    assert places([pi * column / 30 for column in columns if column > -30], 0.0, 61) == [
        column + 30 for column in columns if column > -30
    ]


def test_the_line_tells_r_whether_it_is_locked_and_where_the_lineages_are(view: RunView) -> None:
    shown = line(view)
    assert shown.startswith("synchrony  r 0.91 locked  chance 0.85  ")
    assert "012" in shown
    apart = replace(view, synchrony=(measured(3, 0.0, -2.0, 2.0),))
    assert "not locked" in line(apart)
    assert marks(line(apart)) == "102"


def test_before_the_first_measurement_it_says_so(view: RunView) -> None:
    assert line(replace(view, synchrony=())) == "synchrony  not measured yet"


@pytest.mark.parametrize("width", [20, 35, 40, 54, 80, 200])
def test_a_narrow_line_goes_without_chance_and_then_without_the_strip(
    view: RunView, width: int
) -> None:
    shown = line(view, width)
    assert (marks(shown) == "012") == (width >= 40)
    assert ("chance" in shown) == (width >= 54)
    assert len(shown) <= max(width, len("synchrony  r 0.91 locked  "))


def test_each_generation_has_a_row_and_the_newest_is_last(view: RunView) -> None:
    axis, *rows = phase_rows(view, 10, 80, ascii_only=False)
    assert axis.plain.split() == ["deg", "-180", "mean", "180", "r"]
    assert [row.plain.split()[0] for row in rows] == ["11", "12"]
    assert rows[-1].plain.endswith("0.91 locked")
    assert rows[0].plain.endswith("0.62")
    assert {len(row.plain.split()[1]) for row in rows} == {61}
    assert len(phase_rows(view, 2, 80, ascii_only=False)) == 2
    assert phase_rows(view, 1, 80, ascii_only=False) == []
    assert phase_rows(view, 9, 31, ascii_only=False) == []


@pytest.mark.parametrize("width", [32, 33, 60, 79, 80, 140])
def test_the_axis_names_the_columns_of_the_strip(view: RunView, width: int) -> None:
    still = replace(view, synchrony=(measured(3, 0.0), measured(4, pi)), lineages={1: (0,)})
    axis, middle, end = (row.plain for row in phase_rows(still, 9, width, ascii_only=False))
    assert axis.index("mean") <= middle.index("0", 7) < axis.index("mean") + 4
    assert axis.index("180", 15) + 2 == end.index("0", 7)
    assert max(map(len, (axis, middle, end))) <= width


def test_a_terminal_without_unicode_gets_ascii(view: RunView) -> None:
    assert line(view, ascii_only=True).isascii()
    assert not line(view).isascii()
    assert all(row.plain.isascii() for row in phase_rows(view, 9, 80, ascii_only=True))


def test_a_lineage_keeps_its_number_when_another_is_gone(tmp_path: Path) -> None:
    with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
        store.record_run("run-1", {}, "gelu(x)", "chat")
        for generation, lineages in ((5, (0, 1, 2)), (6, (0, 2)), (7, (0, 2))):
            store.record_members("run-1", [champion(generation, one) for one in lineages])
            store.record_generation("run-1", "oxidation", generation, {})
            phases = [0.7 * one for one in lineages]
            store.record_synchrony("run-1", measured(generation, *phases))
    with RunReader(RunFolder(tmp_path)) as reader:
        view = reader.read()
    assert view is not None
    assert view.lineages == {3: (0, 1, 2), 2: (0, 2)}
    rows = phase_rows(view, 9, 80, ascii_only=True)[1:]
    assert [marks(row.plain.partition("0.50")[0][7:]) for row in rows] == ["012", "02", "02"]
