"""Views of a store that is being written."""

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dashboard.terminal.history import Point
from dashboard.terminal.live import LiveView
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import RunView
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
    assert found.course == (Point("cambrian", 12, None, 2.1),)


def test_the_reader_follows_a_store_that_appears_and_grows(
    tmp_path: Path, view: RunView, make_member: Callable[[int], MemberRecord]
) -> None:
    with RunReader(RunFolder(tmp_path)) as reader:
        assert reader.read() is None
        write_run(tmp_path, view)
        first = reader.read()
        assert first is not None
        assert reader.read() is first
        with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
            store.record_members("run-7", [make_member(30)])
            store.record_event("run-7", 31, "generation", {})
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


def test_steps_between_two_conclusions_change_nothing(tmp_path: Path, view: RunView) -> None:
    write_run(tmp_path, view)
    with RunReader(RunFolder(tmp_path)) as reader:
        first = reader.read()
        with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
            store.record_run("run-7", {}, "gelu", "chat")
        assert reader.read() is first


def test_a_store_that_is_damaged_leaves_the_last_view_and_says_why(
    tmp_path: Path, view: RunView
) -> None:
    write_run(tmp_path, view)
    with RunReader(RunFolder(tmp_path)) as reader:
        first = reader.read()
        with closing(sqlite3.connect(tmp_path / "metrics.db")) as database:
            database.execute("UPDATE synchrony SET phases = '[1, null, \"x\"]'")
            database.execute("DELETE FROM events WHERE idx = 29")
            database.commit()
        assert reader.read() is first
        assert "phases" in reader.note or "Synchrony" in reader.note
        with closing(sqlite3.connect(tmp_path / "metrics.db")) as database:
            database.execute("UPDATE synchrony SET phases = '[1.0]'")
            database.commit()
        healed = reader.read()
        assert healed is not None
        assert healed.synchrony[-1].phases == (1.0,)
        assert reader.note == ""


def test_a_store_that_takes_the_place_of_another_is_opened_again(
    tmp_path: Path, view: RunView
) -> None:
    write_run(tmp_path, view)
    with RunReader(RunFolder(tmp_path)) as reader:
        reader.read()
        (tmp_path / "metrics.db").rename(tmp_path / "old.db")
        write_run(tmp_path, view, "run-8")
        found = reader.read()
    assert found is not None
    assert found.run.run_id == "run-8"


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


def test_what_others_print_waits_until_the_screen_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = LiveView(tmp_path, Console(force_terminal=True, width=80, height=24))
    before = sys.stdout, sys.stderr
    live.start()
    sys.stdout.write("a line\n")
    sys.stderr.write("a warning\n")
    live.stop()
    assert (sys.stdout, sys.stderr) == before
    shown, warned = capsys.readouterr()
    assert shown.index("preparing") < shown.index("\x1b[?1049l") < shown.index("a line\n")
    assert warned == "a warning\n"


def test_a_view_that_fails_gives_the_streams_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: RunReader) -> None:
        raise RuntimeError("a fault of the view")

    monkeypatch.setattr(RunReader, "read", broken)
    before = sys.stdout, sys.stderr
    live = LiveView(tmp_path, Console(force_terminal=True, width=80, height=24))
    live.start()
    wait_for(lambda: not live.running)
    assert (sys.stdout, sys.stderr) == before
    assert "a fault of the view" in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_the_reason_for_standing_still_and_the_keys_are_shown(
    tmp_path: Path, view: RunView
) -> None:
    write_run(tmp_path, view)
    screen = StringIO()
    live = LiveView(tmp_path, terminal(screen), hint="q leaves", standing=lambda: "paused; do it")
    live.start()
    wait_for(lambda: "paused; do it" in screen.getvalue())
    live.stop()
    assert "q leaves" in screen.getvalue()
