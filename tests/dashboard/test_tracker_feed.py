"""What a run writes down reaches its trackers, and none of their faults reaches the run."""

from collections.abc import Sequence
from math import inf, isfinite, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.trackers.follow import Followers, series, series_prefix
from dashboard.trackers.protocol import Tracker
from dashboard.trackers.tensorboard import TensorBoard
from state.records import StepMetrics
from state.store_rows import step_row
from tests.tracker_fakes import Notes, event_file_points, event_file_texts


def step_metrics(member: str, step: int, **changes: object) -> StepMetrics:
    values: dict[str, object] = {
        "phase": "cambrian",
        "generation": 12,
        "member_id": member,
        "step": step,
        "loss": 2.5,
        "learning_rate": 0.125,
        "grad_norm": None,
        "clip_coef": 1.0,
        "clip_pct": 0.0,
        "skipped": False,
        "tokens_per_sec": 1024.0,
        "ms_per_step": 8.0,
        **changes,
    }
    return StepMetrics.model_validate(values)


def play(trackers: Sequence[Tracker]) -> list[str]:
    """A short run; what was warned of."""
    warnings: list[str] = []
    followers = Followers(trackers, warnings.append)
    followers.start("r1", {})
    followers.rows([step_metrics("g00012-l0-champion", step).line() for step in (1, 2)])
    followers.event("gate", {"verdict": "pass"})
    followers.close()
    return warnings


def test_lines_of_the_journal_become_one_series_a_lineage() -> None:
    notes = Notes()
    followers = Followers([notes], pytest.fail)
    generations = [step_metrics("g00012-l0-champion", 8), step_metrics("g00013-l0-champion", 9)]
    followers.rows([one.line() for one in generations])
    followers.rows([step_metrics("g00013-host", 9, effective_rank=17.5).line()])
    champion = {
        "l0-champion/loss": 2.5,
        "l0-champion/learning_rate": 0.125,
        "l0-champion/clip_coef": 1.0,
        "l0-champion/clip_pct": 0.0,
        "l0-champion/tokens_per_sec": 1024.0,
        "l0-champion/ms_per_step": 8.0,
    }
    assert notes.points[:2] == [(8, champion), (9, champion)]
    assert notes.points[2][1]["host/effective_rank"] == 17.5


def test_rows_of_the_store_go_by_its_column_names() -> None:
    row = step_row("r1", step_metrics("g00012-l1-c3", 4))
    assert series(row)["l1-c3/lr"] == 0.125
    assert series(row)["l1-c3/ms_per_iter"] == 8.0
    assert not {"l1-c3/step", "l1-c3/generation"} & series(row).keys()


def test_only_finite_numbers_are_series() -> None:
    row = {"member": "host", "loss": nan, "lr": inf, "skipped": True, "reason": "x", "rank": 2}
    assert series(row) == {"host/rank": 2.0}


@pytest.mark.parametrize(
    ("member", "prefix"),
    [("g00012-l0-champion", "l0-champion"), ("host", "host"), ("g1-", "g1-"), ("gl-0", "gl-0")],
)
def test_the_prefix_is_the_member_without_its_generation(member: str, prefix: str) -> None:
    assert series_prefix(member) == prefix


@pytest.mark.parametrize("error", [OSError("full"), ValueError("no\nkey"), SystemExit(2)])
@pytest.mark.parametrize("call", ["start", "log", "event", "close"])
def test_a_tracker_that_fails_is_dropped_with_one_line(call: str, error: BaseException) -> None:
    broken, sound = Notes(call, error), Notes()
    warnings = play([broken, sound])
    assert len(warnings) == 1
    assert warnings[0].startswith(f"tracker Notes is dropped: {type(error).__name__}")
    assert "\n" not in warnings[0]
    assert broken.calls.count(call) == (2 if call == "close" else 1)
    assert broken.calls[-1] == "close"
    assert sound.calls == ["start", "log", "log", "event", "close"]


def test_an_interrupt_is_not_a_fault_of_the_tracker() -> None:
    with pytest.raises(KeyboardInterrupt):
        play([Notes("log", KeyboardInterrupt())])


def test_an_event_file_that_cannot_be_written_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    warnings = play([TensorBoard(tmp_path / "file")])
    assert len(warnings) == 1
    assert "FileExistsError" in warnings[0]


def test_a_whole_run_can_be_read_from_its_event_file(tmp_path: Path) -> None:
    assert play([TensorBoard(tmp_path)]) == []
    points = event_file_points(tmp_path)
    assert points["l0-champion/loss"] == [(1, 2.5), (2, 2.5)]
    assert event_file_texts(tmp_path).keys() == {"run", "event/gate"}


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(st.dictionaries(st.sampled_from(["step", "member", "loss", "lr", "note"]), JSON_VALUES))
def test_no_row_can_hurt(row: dict[str, object]) -> None:
    notes = Notes()
    Followers([notes], pytest.fail).rows([row])
    for _, values in notes.points:
        assert all(map(isfinite, values.values()))
