"""What is slow stands in the log alone; the view shows it as long as it holds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.terminal.layout import Room
from dashboard.terminal.log_tail import Row, Slowness
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.sections import events
from dashboard.terminal.snapshot import RunView
from state.journal import Journal
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder


def kinds(rows: Sequence[Row]) -> list[str]:
    return [str(row["kind"]) for row in rows]


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
    told: list[str], standing: list[str]
) -> None:
    slowness = Slowness()
    assert slowness.standing == ()
    for kind in told:
        slowness.hear({"kind": kind})
    assert kinds(slowness.standing) == standing


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
    room = Room(width=60, rows=20)
    lines = [text.plain.rstrip() for text in events(slow, room).draw(3)]
    assert lines == ["note: number=28", "note: number=29", "throughput_recovered: phase=cambrian"]
    assert events(slow, room).draw(0) == []
