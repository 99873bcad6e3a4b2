"""progress.json may be anything, and may be written by several processes."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.durable import remove_temporaries
from state.progress import MAX_BYTES, STALE_SECONDS, Progress, ProgressFile, utc_now
from tests.shown_progress import BEGINNING, make_progress

positive = st.floats(min_value=1e-3, max_value=1e6)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.json"


def file_at(path: Path, seconds: float = 10) -> ProgressFile:
    """The file as it is seen so long after the beginning."""
    return ProgressFile(path, lambda: BEGINNING + after(seconds))


@given(st.text(min_size=1, max_size=200), positive, st.none() | positive, st.text(max_size=40))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, what: str, done: float, total: float, unit: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "read-again.json"
    try:
        progress = make_progress(what, done=done, total=total, unit=unit)
    except ValueError:
        # Half a surrogate pair is no text.
        return
    file_at(path).write(progress)
    assert file_at(path).read() == progress
    path.unlink()


@pytest.mark.parametrize(
    ("seconds", "believed"),
    [(10, True), (10 + STALE_SECONDS - 1, True), (10 + STALE_SECONDS, False), (-51, False)],
)
def test_what_a_killed_process_left_is_believed_for_a_minute(
    path: Path, seconds: float, believed: bool
) -> None:
    file_at(path).write(make_progress())
    assert file_at(path, seconds).read() == (make_progress() if believed else None)


def test_a_file_that_is_half_written_says_nothing(path: Path) -> None:
    file_at(path).write(make_progress())
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert file_at(path).read() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"what": "x"}',
        b'{"what":"x","done":NaN,"started_at":"2026-01-01T00:00:00Z",'
        b'"updated_at":"2026-01-01T00:00:10Z"}',
        b'{"what":"x","done":1,"started_at":"2026-01-01T00:00:00",'
        b'"updated_at":"2026-01-01T00:00:10"}',
        b'{"what":"x","done":1,"total":0,"started_at":"2026-01-01T00:00:00Z",'
        b'"updated_at":"2026-01-01T00:00:10Z"}',
        b'{"what":"' + b"x" * MAX_BYTES + b'"}',
    ],
)
def test_a_file_that_is_something_else_says_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert file_at(path).read() is None


def test_a_long_file_is_not_read_to_its_end(path: Path) -> None:
    file_at(path).write(make_progress())
    with path.open("ab") as file:
        file.write(b" " * MAX_BYTES)
    found = file_at(path).read()
    assert found == make_progress()
    with path.open("ab") as file:
        file.write(b"x")
    assert file_at(path).read() == found


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing folder", "not a name"])
def test_a_path_that_cannot_be_written_harms_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "progress.json"
    match kind:
        case "folder":
            (path / "inside").mkdir(parents=True)
        case "pipe":
            os.mkfifo(path)
        case "missing folder":
            path = tmp_path / "nowhere" / "progress.json"
        case _:
            path = Path(f"{tmp_path}/progress\0.json")
    file = file_at(path)
    assert file.read() is None
    if kind == "pipe":
        file.remove()
        assert list(tmp_path.iterdir()) == []
        return
    before = sorted(tmp_path.rglob("*"))
    file.write(make_progress())
    assert file.read() is None
    file.remove()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_is_replaced_and_what_it_leads_to_is_not(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    path.symlink_to(other)
    file_at(path).write(make_progress())
    assert not path.is_symlink()
    assert other.read_text() == "mine"


def test_a_full_disk_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_at(path)
    file.write(make_progress())

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as half:
            half.write(data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    file.write(make_progress(done=50.0))
    assert file.read() == make_progress()
    assert list(path.parent.iterdir()) == [path]


def test_what_is_left_of_a_writer_that_was_killed_is_cleaned_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        raise SystemExit

    def kept(self: Path, *, missing_ok: bool) -> None:
        assert missing_ok

    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr(Path, "unlink", kept)
    with pytest.raises(SystemExit):
        file_at(path).write(make_progress())
    monkeypatch.undo()
    (left,) = path.parent.iterdir()
    assert remove_temporaries(path.parent) > 0
    assert not left.exists()


def test_of_two_processes_the_one_that_began_last_is_shown(path: Path) -> None:
    ours, theirs = file_at(path), file_at(path)
    later = make_progress("theirs", started_at=BEGINNING + after(1))
    ours.write(make_progress("ours"))
    theirs.write(later)
    ours.write(make_progress("ours", done=50))
    assert file_at(path).read() == later
    ours.remove()
    assert file_at(path).read() == later
    theirs.remove()
    assert not path.exists()
    ours.write(make_progress("ours", done=75))
    assert file_at(path).read() == make_progress("ours", done=75)


def test_what_a_process_that_is_gone_began_last_hides_nobody(path: Path) -> None:
    file_at(path).write(make_progress("theirs", started_at=BEGINNING + after(1)))
    now = BEGINNING + after(11 + STALE_SECONDS)
    ours = make_progress("ours", updated_at=now)
    file_at(path, 11 + STALE_SECONDS).write(ours)
    assert file_at(path, 11 + STALE_SECONDS).read() == ours


def test_whoever_has_written_nothing_may_clean_up(path: Path) -> None:
    ProgressFile(path).write(make_progress(updated_at=utc_now()))
    ProgressFile(path).remove()
    assert not path.exists()


def test_a_progress_is_checked_where_it_is_made() -> None:
    for changes in ({"done": -1.0}, {"total": float("inf")}, {"what": ""}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            make_progress(**changes)
    assert Progress.model_validate_json(make_progress().model_dump_json()) == make_progress()
