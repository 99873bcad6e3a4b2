"""What is slow stands in the log alone; the view shows it as long as it holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.sections import events
from dashboard.terminal.slowness import SlownessLog
from dashboard.terminal.snapshot import RunView
from state.journal import Journal
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder


def kinds(log: SlownessLog) -> list[str]:
    return [str(row["kind"]) for row in log.read()]


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        (["phase_slow"], ["phase_slow"]),
        (["throughput_collapse", "phase_slow"], ["throughput_collapse", "phase_slow"]),
        (["phase_slow", "throughput_collapse", "throughput_recovered"], ["phase_slow"]),
        (["phase_slow", "throughput_collapse", "phase_started"], []),
        (["throughput_collapse", "finished"], []),
        (["throughput_collapse", "generation", "gate"], ["throughput_collapse"]),
    ],
)
def test_a_phase_is_slow_until_it_ends_and_throughput_until_it_recovers(
    tmp_path: Path, told: list[str], standing: list[str]
) -> None:
    log = SlownessLog(tmp_path / "log.txt")
    assert log.read() == ()
    for kind in told:
        Journal(tmp_path / "log.txt").append([{"kind": kind}])
        log.read()
    assert kinds(log) == standing
    assert kinds(SlownessLog(tmp_path / "log.txt")) == standing


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text('{"kind": "phase_slow"', encoding="utf-8")
    log = SlownessLog(path)
    assert log.read() == ()
    path.write_text('{"kind": "phase_slow"}\nnot a row\n', encoding="utf-8")
    assert kinds(log) == ["phase_slow"]


def test_the_reader_adds_what_the_log_says_though_the_store_has_not_changed(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path)
    with MetricsStore.open(folder.metrics_db, writer=True) as store:
        store.record_run("run-7", {}, "gelu", "chat")
    with RunReader(folder) as reader:
        first = reader.read()
        assert first is not None
        assert first.slow == ()
        Journal(folder.log).append([{"kind": "phase_slow", "phase": "cambrian"}])
        second = reader.read()
        assert second is not None
        assert [row["kind"] for row in second.slow] == ["phase_slow"]


def test_what_is_slow_stands_below_the_events(view: RunView) -> None:
    slow = replace(view, slow=({"kind": "throughput_recovered", "phase": "cambrian"},))
    lines = [text.plain for text in events(slow, 3)]
    assert lines[-1] == "throughput_recovered: phase=cambrian"
    assert lines[:-1] == [text.plain for text in events(view, 2)]
    assert events(slow, 0) == []
