"""Progress: what is left, and how often it is told."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import state.progress
from state.progress import (
    INTERVAL_SECONDS,
    SILENT,
    ProgressFile,
    Reporter,
    told,
)
from tests.shown_progress import BEGINNING, Hands, Shown, make_progress, reporter

positive = st.floats(min_value=1e-3, max_value=1e6)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


# ---- what is left


@given(st.floats(min_value=0.01, max_value=1), positive, positive, st.floats(0, 1e4))
def test_work_at_a_steady_pace_ends_when_it_says(
    share: float, total: float, seconds: float, wait: float
) -> None:
    updated_at = BEGINNING + after(share * seconds)
    progress = make_progress(done=share * total, total=total, updated_at=updated_at)
    left = progress.seconds_left(updated_at + after(wait))
    assert left == pytest.approx(max(0.0, (1 - share) * seconds - wait), rel=1e-2, abs=1e-3)


@pytest.mark.parametrize(
    "changes", [{"total": None}, {"done": 0}, {"updated_at": BEGINNING}, {"done": 0, "total": None}]
)
def test_without_a_pace_nobody_knows_what_is_left(changes: dict[str, object]) -> None:
    progress = make_progress().model_copy(update=changes)
    assert progress.seconds_left(BEGINNING + after(5)) is None


@given(st.floats(0, 1e9), positive)
def test_the_share_stays_between_nothing_and_all(done: float, total: float) -> None:
    share = make_progress(done=done, total=total).share
    assert share == pytest.approx(min(1.0, done / total))
    assert make_progress(done=done, total=None).share is None


# ---- how often it is told


@given(st.lists(st.floats(0, 2), max_size=60))
def test_work_is_told_at_most_twice_a_second_and_not_in_its_first_half_second(
    waits: list[float],
) -> None:
    hands, shown = Hands(), Shown()
    with reporter(shown, hands).work("counting", 1000, "words") as advance:
        for number, wait in enumerate(waits):
            hands.seconds += wait
            advance(number)
    times = [(one.updated_at - BEGINNING).total_seconds() for one in shown.written]
    nearly = INTERVAL_SECONDS - 1e-5
    assert all(later - earlier > nearly for earlier, later in zip([0, *times], times, strict=False))
    assert len(times) >= max((wait >= INTERVAL_SECONDS for wait in waits), default=False)
    assert shown.told[-1:] == ([None] if times else [])


def test_short_work_leaves_no_trace(tmp_path: Path) -> None:
    hands, file = Hands(), ProgressFile(tmp_path / "progress.json")
    with Reporter(file, clock=hands.clock).work("counting", 3, "words") as advance:
        hands.seconds = INTERVAL_SECONDS - 0.01
        advance(3)
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_is_what_was_done_by_then() -> None:
    hands, shown = Hands(), Shown()
    with reporter(shown, hands).work("counting", 100, "words") as advance:
        for done in range(0, 101, 10):
            hands.seconds = done / 10
            advance(done)
    assert [one.done for one in shown.written] == [*range(10, 101, 10)]
    assert {(one.what, one.total, one.unit) for one in shown.written} == {
        ("counting", 100.0, "words")
    }
    assert {one.started_at for one in shown.written} == {BEGINNING}


def test_work_that_fails_is_not_shown_any_more() -> None:
    hands, shown = Hands(), Shown()
    told_of = reporter(shown, hands)
    with pytest.raises(ArithmeticError), told_of.work("counting", 9, "words") as advance:
        hands.seconds = 1
        advance(1)
        raise ArithmeticError
    with told_of.work("writing", 9, "words") as advance:
        hands.seconds = 2
        advance(1)
    assert shown.names == ["counting", None, "writing", None]


def test_inner_work_hides_the_outer_which_comes_back() -> None:
    hands, shown = Hands(), Shown()
    told_of = reporter(shown, hands)
    with told_of.work("outer", 2, "parts") as outer:
        hands.seconds = 1
        outer(1)
        with told_of.work("inner", 10, "words") as inner:
            for done in (1, 2):
                hands.seconds += 1
                inner(done)
                outer(1.5)
        with told_of.work("short", 10, "words") as inner:
            inner(1)
    assert shown.names == ["outer", "inner", "inner", "outer", None]
    assert shown.last("outer").done == 1.5


def test_work_that_ends_before_what_it_is_inside_of_is_forgotten_all_the_same() -> None:
    hands, shown = Hands(), Shown()
    told_of = reporter(shown, hands)
    outer, inner = told_of.work("outer", 2), told_of.work("inner", 2)
    outer.__enter__()
    advance = inner.__enter__()
    outer.__exit__(None, None, None)
    hands.seconds = 1
    advance(1)
    inner.__exit__(None, None, None)
    assert shown.names == ["inner", None]


@pytest.mark.parametrize("total", [None, 4])
def test_work_that_cannot_say_how_far_it_is_is_told_all_the_same_until_it_is_over(
    monkeypatch: pytest.MonkeyPatch, total: float | None
) -> None:
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.001)
    shown = Shown()
    with Reporter(shown).work("waiting", total, beats=total is not None):
        deadline = time.monotonic() + 10
        while len(shown.told) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
    told_then = len(shown.told)
    time.sleep(0.01)
    assert told_then == len(shown.told) >= 4
    assert {(one.what, one.done, one.total) for one in shown.written} == {("waiting", 0.0, total)}
    assert shown.told[-1] is None


def test_a_reporter_without_sinks_does_nothing() -> None:
    with SILENT.work("counting", 3) as advance, SILENT.work("counting") as other:
        assert advance is other
        advance(-1.0)


def test_items_are_told_when_the_next_one_is_asked_for() -> None:
    heard: list[float] = []
    items = told("abc", (1, 5, 9), heard.append)
    assert next(items) == "a"
    assert heard == []
    assert [*items] == ["b", "c"]
    assert heard == [1, 5, 9]


def test_work_that_beats_and_advances_is_still_told_twice_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.02)
    shown = Shown()
    begun = time.monotonic()
    with Reporter(shown).work("counting", 10, beats=True) as advance:
        while len(shown.told) < 5:
            advance(1)
    assert time.monotonic() - begun >= 5 * 0.02
