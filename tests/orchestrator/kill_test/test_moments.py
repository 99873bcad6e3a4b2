"""Where a process dies, and which instants of a run are chosen; without torch."""

import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from orchestrator.kill_test import forked
from orchestrator.kill_test.every_operation import last_commit, moments
from orchestrator.kill_test.moments import (
    TORN_BYTES,
    Announced,
    Moment,
    When,
    killing,
    name_of,
    recording,
)
from state import durable

OLD, NEW = b"old content", b"new and longer content"


def dies(work: Callable[[], None], moment: Moment, folder: Path) -> forked.Ended:
    """Do `work` in a child that is killed at `moment`."""

    def working() -> int:
        with durable.intercepted(killing(moment)):
            work()
        return 0

    return forked.wait(forked.start(working, folder / "log"))


@pytest.mark.parametrize(
    ("moment", "kept", "temporary"),
    [
        (Moment(1, "before"), OLD, b""),
        (Moment(1, "during"), OLD, NEW[:TORN_BYTES]),
        (Moment(1, "after"), OLD, NEW),
        (Moment(2, "before"), OLD, NEW),
        (Moment(3, "before"), OLD, NEW),
        (Moment(3, "after"), NEW, None),
        (Moment(4, "after"), NEW, None),
    ],
)
def test_a_process_dies_where_it_is_told_to(
    tmp_path: Path, moment: Moment, kept: bytes, temporary: bytes | None
) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    ended = dies(lambda: durable.write_atomically(path, NEW), moment, tmp_path)
    assert ended.signal == (signal.SIGXFSZ if moment.when == "during" else signal.SIGKILL)
    assert path.read_bytes() == kept
    left = [one.read_bytes() for one in tmp_path.glob("*.tmp")]
    assert left == ([] if temporary is None else [temporary])


@pytest.mark.parametrize(
    ("when", "kept"), [("before", OLD), ("during", OLD + NEW[:TORN_BYTES]), ("after", OLD + NEW)]
)
def test_an_append_is_killed_before_in_and_after(tmp_path: Path, when: When, kept: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    assert dies(lambda: durable.append(path, NEW), Moment(1, when), tmp_path).signal
    assert path.read_bytes() == kept


@pytest.mark.parametrize(("when", "rows"), [("before", 0), ("after", 1)])
def test_a_database_commit_is_killed_before_and_after(
    tmp_path: Path, when: When, rows: int
) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")

    def work() -> None:
        with create_engine(f"sqlite:///{path}").begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            durable.announce("database commit", path)

    assert dies(work, Moment(1, when), tmp_path).signal == signal.SIGKILL
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (rows,)


def test_a_process_lives_when_its_moment_never_comes(tmp_path: Path) -> None:
    work = lambda: durable.write_atomically(tmp_path / "file", NEW)  # noqa: E731
    assert dies(work, Moment(5, "before"), tmp_path) == (0, None)


def test_an_exception_in_a_child_is_told_and_does_not_reach_the_parent(tmp_path: Path) -> None:
    def work() -> int:
        raise ValueError("planted")

    assert forked.wait(forked.start(work, tmp_path / "log")) == (forked.BROKEN, None)
    assert "ValueError: planted" in (tmp_path / "log").read_text(encoding="utf-8")


def test_operations_are_named_without_their_writer(tmp_path: Path) -> None:
    log: list[Announced] = []
    (tmp_path / "configs").mkdir()
    with durable.intercepted(recording(tmp_path, log.append)):
        durable.write_atomically(tmp_path / "configs" / "a.json", b"")
    assert log[0] == ("write", "configs/a.json.tmp")
    assert log[2:] == [("replace", "configs/a.json"), ("fsync", "configs")]
    assert name_of(tmp_path, tmp_path) == "."


COMMIT = [
    Announced("append", "events.jsonl"),
    Announced("fsync", "events.jsonl"),
    Announced("write", "state.json.tmp"),
    Announced("fsync", "state.json.tmp"),
    Announced("replace", "state.json"),
    Announced("fsync", "."),
    Announced("delete", "objects/a"),
]


def test_the_last_commit_begins_with_its_journals_and_ends_with_its_folder() -> None:
    operations = COMMIT * 3
    numbers = last_commit(operations)
    assert [operations[n - 1] for n in numbers] == COMMIT[1:6]
    assert numbers.start == 2 * len(COMMIT) + 2
    assert last_commit(COMMIT[:6]) == range(2, 7)


def test_a_stride_takes_some_operations_and_every_change_of_the_last_commit() -> None:
    chosen = list(moments(COMMIT * 3, stride=10))
    assert {one.number for one in chosen if one.when == "before"} == {10, 17, 19, 20}
    assert [one.number for one in chosen if one.when == "during"] == [17]
    assert [one.number for one in chosen if one.when == "after"] == [19]


def test_without_a_stride_every_operation_is_taken() -> None:
    chosen = list(moments(COMMIT, stride=1))
    assert [one.number for one in chosen if one.when == "before"] == [1, 2, 3, 4, 5, 6, 7]
    assert [one.number for one in chosen if one.when == "during"] == [1, 3]
    assert [one.number for one in chosen if one.when == "after"] == [1, 3, 5, 7]
