"""Journals that were torn, cut or damaged."""

import errno
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from state import durable
from state.durable import Operation, OutOfSpace
from state.journal import Journal, JournalTail, read_journal

Rows = list[dict[str, JsonValue]]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates, line separators and NULs included.
    | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
rows = st.lists(st.dictionaries(st.text(), values, max_size=3), max_size=5)


def journal_of(path: Path, count: int) -> Journal:
    journal = Journal(path)
    journal.append({"step": step} for step in range(count))
    return journal


@settings(max_examples=100, deadline=None)
@given(first=rows, second=rows)
def test_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, first: Rows, second: Rows
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "j.jsonl")
    journal.append(first)
    journal.append(second)
    assert list(read_journal(journal.path)) == first + second


def test_one_call_is_one_append(tmp_path: Path) -> None:
    operations: list[Operation] = []
    with durable.intercepted(lambda operation, _path: operations.append(operation)):
        journal = journal_of(tmp_path / "j", 100)
        journal.append([])
    assert operations == ["append"]


def test_a_number_that_is_not_finite_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append([{"loss": 1.0}, {"loss": float("nan")}])
    assert journal.size == 0


def test_every_torn_tail_reads_as_the_whole_lines_before_it(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "j", 5)
    data = journal.path.read_bytes()
    for length in range(len(data) + 1):
        journal.path.write_bytes(data[:length])
        assert len(list(read_journal(journal.path))) == data[:length].count(b"\n")


def test_a_torn_tail_is_cut_before_the_first_append(tmp_path: Path) -> None:
    path = tmp_path / "j"
    data = journal_of(path, 5).path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        Journal(path).append([{"step": "next"}])
        steps = [row["step"] for row in read_journal(path)]
        assert steps == [*range(data[:length].count(b"\n")), "next"]


def test_truncating_goes_back_to_the_commit(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "j", 3)
    committed = journal.size
    journal.append([{"step": 3}])
    with journal.path.open("ab") as file:
        file.write(b'{"step": 4')
    assert journal.truncate(committed) is None
    assert journal.size == committed
    journal.append([{"step": "again"}])
    assert [row["step"] for row in read_journal(journal.path)] == [0, 1, 2, "again"]


def test_a_file_shorter_than_the_commit_keeps_its_whole_lines_and_says_so(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "j", 3)
    committed = journal.size
    durable.truncate(journal.path, committed - 2)
    message = journal.truncate(committed)
    assert message is not None
    assert f"has {committed - 2} bytes, the commit says {committed}" in message
    assert [row["step"] for row in read_journal(journal.path)] == [0, 1]


def test_a_missing_file_is_an_empty_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.size == 0
    assert list(read_journal(journal.path)) == []
    assert journal.truncate(0) is None
    assert "has 0 bytes, the commit says 9" in (journal.truncate(9) or "")
    journal.sync()
    assert not journal.path.exists()


def test_a_line_longer_than_one_read_is_cut_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append([{"text": "short"}, {"text": "x" * 200_000}])
    assert journal.truncate(journal.size - 1) is None
    assert list(read_journal(journal.path)) == [{"text": "short"}]


@pytest.mark.parametrize("damage", [b"{]\n", b"7\n", b"\xff\n", b"\n", b"[" * 100_000 + b"\n"])
def test_damage_before_the_last_line_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\n' + damage + b'{"a":2}\n')
    with pytest.raises(ValueError, match=r"line 2 is damaged, .*; delete the line"):
        list(read_journal(path))


def test_sync_reaches_the_file_and_once_its_name(tmp_path: Path) -> None:
    log: list[str] = []
    journal = journal_of(tmp_path / "j", 1)
    with durable.intercepted(lambda operation, path: log.append(f"{operation} {path.name}")):
        journal.sync()
        journal.sync()
    assert log == ["fsync j", f"fsync {tmp_path.name}", "fsync j"]


def test_a_full_disk_adds_no_row(tmp_path: Path) -> None:
    def full(operation: Operation, _path: Path) -> None:
        raise OSError(errno.ENOSPC, "injected")

    journal = journal_of(tmp_path / "j", 2)
    with durable.intercepted(full), pytest.raises(OutOfSpace):
        journal.append([{"step": 2}])
    assert [row["step"] for row in read_journal(journal.path)] == [0, 1]


def test_rows_are_read_once_and_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = JournalTail(path)
    assert list(tail.read()) == []
    path.write_text('{"kind": "a"}\nnot a row\n{"kind": "b"', encoding="utf-8")
    assert kinds(tail) == ["a"]
    assert list(tail.read()) == []
    with path.open("a", encoding="utf-8") as log:
        log.write("}\n")
    assert kinds(tail) == ["b"]


def test_a_log_that_was_cut_is_followed_from_its_end(tmp_path: Path) -> None:
    log, tail = Journal(tmp_path / "log.txt"), JournalTail(tmp_path / "log.txt")
    log.append([{"kind": "a"}, {"kind": "b"}])
    assert kinds(tail) == ["a", "b"]
    log.truncate(14)
    assert list(tail.read()) == []
    log.append([{"kind": "c"}])
    assert kinds(tail) == ["c"]


def kinds(tail: JournalTail) -> list[object]:
    return [row["kind"] for row in tail.read()]
