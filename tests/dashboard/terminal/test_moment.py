"""Elapsed time and the estimate of the time left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.terminal.log_tail import WorkingTime
from dashboard.terminal.moment import Clock, Pace, Stopwatch, eta_seconds
from dashboard.terminal.snapshot import RunView
from state.records import Ledger, LedgerLine

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def spent(view: RunView, steps: int) -> RunView:
    line = LedgerLine(phase="cambrian", allotted=5000, settled=steps)
    return replace(view, ledger=Ledger(budget=5000, lines=(line,)))


def worked(*rows: tuple[str, float]) -> WorkingTime:
    time = WorkingTime()
    for kind, second in rows:
        time.hear({"kind": kind, "at": (BEGUN + timedelta(seconds=second)).isoformat()})
    return time


def after(time: WorkingTime, second: float, *, working: bool = True) -> float | None:
    return time.seconds(BEGUN + timedelta(seconds=second), working=working)


def test_the_time_left_is_the_rest_at_the_pace(view: RunView) -> None:
    assert eta_seconds(spent(view, 1250), Pace(seconds=100, steps=375)) == 1000
    assert eta_seconds(view, Pace(seconds=100, steps=0)) is None
    assert eta_seconds(replace(view, ledger=None), Pace(seconds=100, steps=10)) is None


def test_work_counts_until_now_while_somebody_is_at_it() -> None:
    assert after(worked(), 10) is None
    assert after(worked(("started", 0), ("generation", 30)), 50) == 50
    assert after(worked(("started", 0), ("generation", 30)), 50, working=False) == 30
    assert after(worked(("started", 0), ("finished", 30)), 500) == 30


@pytest.mark.parametrize("again", ["resumed", "went_on"])
def test_neither_a_pause_nor_the_time_between_two_sessions_counts(again: str) -> None:
    rows = (("started", 0.0), ("generation", 30.0), ("paused", 40.0))
    assert after(worked(*rows), 100) == 40
    assert after(worked(*rows, (again, 900.0), ("generation", 910.0)), 915) == 55


def test_rows_without_a_time_and_clocks_that_go_back_count_for_nothing() -> None:
    time = worked(("started", 100), ("generation", 50), ("generation", 60))
    time.hear({"kind": "generation"})
    time.hear({"kind": "generation", "at": "yesterday"})
    time.hear({"kind": "generation", "at": "2026-01-01T00:00:00"})
    assert after(time, 60) == 10


def test_only_a_log_from_the_beginning_says_how_long_all_steps_took() -> None:
    assert worked(("started", 0)).whole
    assert not worked(("resumed", 0)).whole


def test_the_estimate_is_made_when_steps_are_settled_and_counts_down_between(
    view: RunView,
) -> None:
    watch = Stopwatch()
    assert watch.look(None, 0, None, whole=False) is None
    assert watch.look(spent(view, 1000), 0, 100, whole=True) == 400
    assert watch.look(spent(view, 1000), 30, 130, whole=True) == 370
    assert watch.look(spent(view, 1200), 40, 140, whole=True) == pytest.approx(443.3, abs=0.1)
    assert watch.look(spent(view, 1200), 4000, 4100, whole=True) == 0


def test_a_log_that_is_not_whole_says_nothing_of_the_pace(view: RunView) -> None:
    watch = Stopwatch()
    assert watch.look(spent(view, 1000), 0, 100, whole=False) is None
    assert watch.look(spent(view, 1100), 10, 110, whole=False) == 390


def test_what_was_watched_counts_more_once_it_is_a_tenth_of_the_budget(view: RunView) -> None:
    watch = Stopwatch()
    watch.look(spent(view, 1000), 0, 10_000, whole=True)
    assert watch.look(spent(view, 1500), 10, 10_010, whole=True) == 70


def test_a_run_that_nobody_works_on_has_no_time_left(view: RunView) -> None:
    clock = Clock()
    clock.read(spent(view, 1000), 0, BEGUN, working=True)
    assert clock.read(spent(view, 1100), 10, BEGUN, working=True) == (10, 390)
    assert clock.read(spent(view, 1100), 20, BEGUN, working=False) == (20, None)
