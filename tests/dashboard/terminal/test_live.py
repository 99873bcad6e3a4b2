"""Views of a store that is being written."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console

from dashboard.terminal.live import LiveView, Stopwatch
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import Pace, RunView, eta_seconds
from state.metrics_store import MetricsStore
from state.records import MemberRecord
from state.run_folder import RunFolder


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def terminal(file: StringIO) -> Console:
    return Console(file=file, force_terminal=True, width=80, height=24, color_system=None)


def write_run(folder: Path, view: RunView, run_id: str = "run-7") -> None:
    with MetricsStore.open(folder / "metrics.db", writer=True) as store:
        store.record_run(run_id, {}, "gelu", "chat")
        store.record_members(run_id, view.members)
        store.record_generation(run_id, "cambrian", 12, {"best_bits_per_byte": 2.1})
        for index, decision in enumerate(view.decisions):
            store.record_decision(run_id, index, decision)
        for event in view.events:
            store.record_event(run_id, event.index, event.kind, event.data)
        assert view.ledger is not None
        store.record_ledger(run_id, view.ledger)
        for record in view.synchrony:
            store.record_synchrony(run_id, record)


def test_the_reader_sees_what_was_written(tmp_path: Path, view: RunView) -> None:
    write_run(tmp_path, view)
    with RunReader(RunFolder(tmp_path)) as reader:
        found = reader.read()
    assert found is not None
    assert found.run.run_id == "run-7"
    assert {m.member_id for m in found.members} == {m.member_id for m in view.members}
    assert found.decisions == view.decisions
    assert found.synchrony == view.synchrony
    assert found.ledger == view.ledger
    assert found.events == view.events
    assert found.best_bits_per_byte == (2.1,)


def test_the_reader_follows_a_store_that_appears_and_grows(
    tmp_path: Path, view: RunView, make_member: Callable[[int], MemberRecord]
) -> None:
    with RunReader(RunFolder(tmp_path)) as reader:
        assert reader.read() is None
        write_run(tmp_path, view)
        first = reader.read()
        assert first is not None
        with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
            store.record_members("run-7", [make_member(30)])
        second = reader.read()
        assert second is not None
        assert len(second.members) == len(first.members) + 1


def test_a_store_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "metrics.db") as database:
        database.execute("CREATE TABLE other (id INTEGER)")
    database.close()
    with RunReader(RunFolder(tmp_path)) as reader:
        assert reader.read() is None
        assert "schema none" in reader.note


def test_the_live_view_prepares_then_shows_the_run(tmp_path: Path, view: RunView) -> None:
    screen = StringIO()
    live = LiveView(tmp_path, terminal(screen))
    live.start()
    wait_for(lambda: "preparing ..." in screen.getvalue())
    write_run(tmp_path, view)
    wait_for(lambda: "phase 3/6 cambrian" in screen.getvalue())
    live.stop()
    assert not live.running
    assert not (tmp_path / "log.txt").exists()


def test_stopping_gives_the_terminal_back(tmp_path: Path) -> None:
    screen = StringIO()
    live = LiveView(tmp_path, terminal(screen))
    live.start()
    wait_for(lambda: "preparing" in screen.getvalue())
    live.stop()
    assert "\x1b[?1049l" in screen.getvalue()
    assert screen.getvalue().rstrip().endswith("\x1b[?1049l")
    assert "\x1b[?25h" in screen.getvalue()


class BrokenScreen(StringIO):
    """A terminal that goes away after its first bytes."""

    def write(self, text: str) -> int:
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_view_that_fails_ends_alone_and_leaves_a_line_in_the_log(
    tmp_path: Path, view: RunView
) -> None:
    write_run(tmp_path, view)
    live = LiveView(tmp_path, terminal(BrokenScreen()))
    live.start()
    wait_for(lambda: not live.running)
    live.stop()
    (line,) = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["kind"] == "view_ended"
    assert "OSError" in json.loads(line)["error"]
    assert threading.main_thread().is_alive()


def test_a_log_that_cannot_be_written_is_not_fatal_either(tmp_path: Path) -> None:
    live = LiveView(tmp_path / "absent", terminal(BrokenScreen()))
    live.start()
    wait_for(lambda: not live.running)
    live.stop()
    assert not (tmp_path / "absent").exists()


def test_a_view_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    LiveView(tmp_path).stop()


def test_the_time_left_comes_from_the_pace_while_watched(view: RunView) -> None:
    assert eta_seconds(view, Pace(seconds=100, steps=375)) == 1000
    assert eta_seconds(view, Pace(seconds=100, steps=0)) is None


def test_the_stopwatch_counts_steps_from_its_first_look(view: RunView) -> None:
    stopwatch = Stopwatch()
    assert stopwatch.pace(None).steps == 0
    assert stopwatch.pace(view).steps == 0
    assert view.ledger is not None
    line = view.ledger.lines[0].model_copy(update={"settled": 1300})
    later = RunView(run=view.run, ledger=view.ledger.model_copy(update={"lines": (line,)}))
    assert stopwatch.pace(later).steps == 50
