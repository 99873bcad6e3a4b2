"""No row is lost and none is doubled, whatever the server and the run do."""

import json
import tempfile
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from dashboard.reporter.carrier import MOST_ROWS, Carrier
from dashboard.reporter.client import Answer
from dashboard.reporter.cursor import Cursor, CursorFile
from state.run_folder import RunFolder
from tests.dashboard.reporter.receivers import Failure, Scripted, Store
from tests.dashboard.reporter.reported_runs import LivingRun, rows_of, same


def ignore(_: object) -> None:
    """Say nothing."""


class Clock:
    """Time that passes when it is asked for."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 7.0
        return self.now


def carrier_to(
    folder: RunFolder, store: Store, failures: Iterator[Failure], server: str = "server"
) -> Carrier:
    file = CursorFile(folder.root, server)
    return Carrier(folder, Scripted(store, failures), file, ignore, Clock())


def drained(carrier: Carrier) -> bool:
    return carrier.drain(1e9, lambda: False, ignore)


@settings(max_examples=4, deadline=None)
@given(
    lives=st.lists(st.integers(min_value=2, max_value=30), max_size=3),
    failures=st.lists(st.sampled_from(get_args(Failure)), max_size=40),
    looks=st.lists(st.sampled_from(["step", "new reporter", ""]), min_size=1, max_size=9),
)
def test_a_server_has_the_rows_of_the_run_after_kills_outages_and_repetitions(
    lives: list[int], failures: list[Failure], looks: list[str]
) -> None:
    store, faults, doing = Store(), iter(failures), chain.from_iterable(repeat(looks))
    with tempfile.TemporaryDirectory() as folder:
        carriers: list[Carrier] = []

        def between() -> None:
            match next(doing):
                case "step":
                    carriers[-1].step()
                case "new reporter":
                    carriers.append(carrier_to(run.folder, store, faults))
                case _:
                    pass

        run = LivingRun(Path(folder) / "run", between=between)
        carriers.append(carrier_to(run.folder, store, faults))
        for num_tasks in (*lives, None):
            run.live(num_tasks)
        assert drained(carriers[-1]) or drained(carrier_to(run.folder, store, iter(())))
        same(store.tables, run.folder)
        again = carrier_to(run.folder, store, iter(()))
        again.mark_as("finished")
        before = store.num_applied
        assert drained(again)
        assert store.num_applied - before <= 1, "only the run's own row has changed"
        assert next(iter(store.tables["runs"].values()))["status"] == "finished"


def test_rows_go_out_by_number_or_by_time_and_a_quiet_run_sends_a_heartbeat(
    finished: RunFolder,
) -> None:
    store, now = Store(), [0.0]
    file = CursorFile(finished.root, "server")
    carrier = Carrier(finished, Scripted(store, iter(())), file, ignore, lambda: now[0])
    while carrier.step():
        continue
    same(store.tables, finished)
    data = finished.metrics_jsonl.read_bytes()
    last = data.splitlines()[-1]
    finished.metrics_jsonl.write_bytes(data + last.replace(b'"step":', b'"step":9') + b"\n{")
    before = store.num_applied
    for now[0] in (0.0, 29.0):
        assert not carrier.step()
        assert store.num_applied == before
    now[0] = 31.0
    carrier.step()
    assert store.num_applied == before + 1
    beats = store.heartbeats
    for now[0] in (80.0, 92.0):
        assert store.heartbeats == beats
        carrier.step()
    assert store.heartbeats == beats + 1


def test_a_run_without_a_store_is_waited_for(tmp_path: Path) -> None:
    poster = Scripted(Store(), iter(()))
    carrier = Carrier(RunFolder(tmp_path), poster, CursorFile(tmp_path, "s"), ignore)
    assert not carrier.step()
    assert carrier.count_left() == 0


def test_a_row_that_the_server_never_takes_does_not_hold_up_the_others(
    finished: RunFolder,
) -> None:
    store, said = Store(), list[str]()
    store.refuses = lambda row: row.get("step") == 5 or row.get("kind") == "gate"
    file = CursorFile(finished.root, "server")
    assert drained(Carrier(finished, Scripted(store, iter(())), file, said.append, Clock()))
    own = rows_of(finished)
    lost = sum(len(rows) - len(store.tables[name]) for name, rows in own.items())
    refused = [row for rows in own.values() for row in rows.values() if store.refuses(row)]
    assert lost == len(refused) > 0
    assert set(said) == {"the server takes not every row: it answers 422"}


def test_a_server_that_takes_no_row_is_left_alone(finished: RunFolder) -> None:
    store, said = Store(), list[str]()
    store.refuses = bool
    poster, file = Scripted(store, iter(())), CursorFile(finished.root, "server")
    carrier = Carrier(finished, poster, file, said.append, Clock())
    assert not drained(carrier)
    assert "takes no rows of this run" in carrier.refusal
    assert len(said) == 1


def test_another_server_begins_at_the_beginning_and_another_run_too(finished: RunFolder) -> None:
    for name in ("one", "two"):
        store = Store()
        assert drained(carrier_to(finished, store, iter(()), name))
        same(store.tables, finished)
    path = finished.root / "remote.json"
    path.write_text(path.read_text(encoding="utf-8").replace("test-run", "x"), encoding="utf-8")
    store = Store()
    assert drained(carrier_to(finished, store, iter(()), "one"))
    same(store.tables, finished)


def cursor_text(**changes: object) -> str:
    cursor = {**Cursor().model_dump(mode="json"), "num_rows": 7, **changes}
    return json.dumps({"version": 1, "run_id": "test-run", "servers": {"server": cursor}})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"version": 1}', '{"version": 9, "run_id": "test-run"}'),
        cursor_text(marks=[]),
        cursor_text(marks=[{"num_bytes": 5, "sha256": "", "generation": 0}]),
        cursor_text(rows={"members": "x"}),
        cursor_text(rows={"members x []": "x"}),
    ],
)
def test_a_damaged_cursor_is_the_beginning(tmp_path: Path, text: str) -> None:
    (tmp_path / "remote.json").write_text(text, encoding="utf-8")
    assert CursorFile(tmp_path, "server").read("test-run") == Cursor()


def test_a_cursor_that_came_from_elsewhere_costs_repetitions_and_no_row(
    finished: RunFolder,
) -> None:
    rows = {"events 0 [": "x", "events 1 []": "x", "members 3 []": "x", "nothing 4 []": "x"}
    text = cursor_text(rows=rows, sealed_generation=2)
    (finished.root / "remote.json").write_text(text, encoding="utf-8")
    assert CursorFile(finished.root, "server").read("test-run").num_rows == 7
    store = Store()
    assert drained(carrier_to(finished, store, iter(())))
    assert len(store.tables["metrics"]) == len(rows_of(finished)["metrics"])


def test_a_large_backlog_goes_in_requests_of_bounded_size(finished: RunFolder) -> None:
    lines = finished.metrics_jsonl.read_bytes().splitlines()
    many = (lines[0].replace(b'"step":1', b'"step":%d' % step) for step in range(1, 1801))
    finished.metrics_jsonl.write_bytes(b"\n".join([*many, b""]))
    sizes: list[int] = []

    class Counting(Scripted):
        def post(self, path: str, document: JsonValue) -> Answer:
            before = self.store.num_applied
            answer = super().post(path, document)
            sizes.append(self.store.num_applied - before)
            return answer

    store = Store()
    file = CursorFile(finished.root, "server")
    assert drained(Carrier(finished, Counting(store, iter(())), file, ignore, Clock()))
    assert len(store.tables["metrics"]) == 1800
    assert max(sizes) == MOST_ROWS
    assert len(CursorFile(finished.root, "server").read("test-run").marks) > 3
