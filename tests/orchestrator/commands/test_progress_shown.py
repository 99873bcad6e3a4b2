"""Progress for whoever typed a command: lines that are no flood, a bar that leaves nothing."""

import argparse
import io
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.commands import progress_shown
from orchestrator.commands.progress_shown import (
    Bar,
    Lines,
    following,
    in_words,
    run_sinks,
    sinks_of,
)
from state.progress import Progress, ProgressFile, utc_now
from tests.shown_progress import BEGINNING, Shown, make_progress


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def at(seconds: float, what: str = "tokenising", **changes: object) -> Progress:
    """Work that began at the beginning, so many seconds later."""
    moment = BEGINNING + timedelta(seconds=seconds)
    return make_progress(what, updated_at=moment, **changes)


def asked(**flags: bool) -> argparse.Namespace:
    return argparse.Namespace(**{"plain": False, "json": False, **flags})


def see(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO, stderr: io.StringIO) -> None:
    """The streams, with nothing said about colours."""
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (at(10), "tokenising: 25/100 words, 25%, 30 s left"),
        (
            at(4, done=12_100_000, total=18_000_000, unit="bytes"),
            "tokenising: 12.1/18.0 MB, 67%, 2 s left",
        ),
        (at(65, "starting Ray", done=0, total=None, unit=""), "starting Ray: 1 min 05 s so far"),
        (at(3, done=0), "tokenising: 0/100 words, 0%, 3 s so far"),
        (at(3, "a\x1b[2J\nb", total=None, done=0), "a[2J b: 3 s so far"),
    ],
)
def test_progress_in_words(progress: Progress, line: str) -> None:
    assert in_words(progress, progress.updated_at) == line


def test_lines_begin_after_two_seconds_and_come_every_ten() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    for tenth in range(0, 300, 5):
        lines.write(at(tenth / 10, done=tenth, total=300))
    shares = [line.split(", ")[1] for line in said]
    assert shares == ["7%", "40%", "73%"]


def test_work_of_another_kind_gets_its_line_at_once_and_the_same_kind_does_not() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    lines.write(at(2, "tokenising"))
    lines.write(at(3, "writing"))
    lines.write(make_progress("writing", started_at=BEGINNING + timedelta(seconds=3.5)))
    lines.write(at(4, "writing"))
    lines.write(at(1, "reading"))
    assert [line.partition(":")[0] for line in said] == ["tokenising", "writing"]


@pytest.mark.parametrize(
    ("flags", "variables", "kinds"),
    [
        ({}, {}, [Bar]),
        ({"plain": True}, {}, [Lines]),
        ({}, {"NO_COLOR": "1"}, [Lines]),
        ({}, {"TERM": "dumb"}, [Lines]),
        ({"json": True}, {}, []),
        ({"json": True, "plain": True}, {}, []),
    ],
)
def test_a_terminal_is_shown_a_bar_or_lines_and_programs_nothing(
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, bool],
    variables: dict[str, str],
    kinds: list[type],
) -> None:
    see(monkeypatch, Terminal(), Terminal())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [type(one) for one in sinks_of(asked(**flags))] == kinds
    assert [type(one) for one in run_sinks(asked(**flags))] == kinds


def test_what_goes_into_a_file_shows_no_command_and_lines_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    see(monkeypatch, Terminal(), io.StringIO())
    assert sinks_of(asked()) == ()
    assert run_sinks(asked()) == ()
    see(monkeypatch, io.StringIO(), io.StringIO())
    assert sinks_of(asked()) == ()
    assert [type(one) for one in run_sinks(asked())] == [Lines]


def test_a_bar_is_drawn_on_the_error_stream_and_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen, results = Terminal(), io.StringIO()
    see(monkeypatch, results, screen)
    bar = Bar()
    bar.write(at(10))
    sys.stdout.write("a result\n")
    bar.write(at(12, "starting \x1b[31mRay\n", total=None, done=0))
    drawn = screen.getvalue()
    bar.remove()
    assert "25/100 words" in drawn
    assert "30 s left" in drawn
    assert "starting [31mRay" in drawn
    assert "12 s so far" in drawn
    assert screen.getvalue()[len(drawn) :].rstrip("\n").endswith("\x1b[2K")
    assert results.getvalue() == "a result\n"


@pytest.mark.parametrize("fault", [OSError, BrokenPipeError, ValueError, SystemExit])
def test_a_terminal_that_is_gone_ends_no_work(
    monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            tried.append(text)
            raise fault

    tried: list[str] = []
    see(monkeypatch, Terminal(), Gone())
    for sink in (Bar(), Lines()):
        sink.write(at(10))
        sink.remove()
    assert "tokenising: 25/100 words, 25%, 30 s left\n" in tried


def test_what_others_write_is_followed_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_shown, "INTERVAL_SECONDS", 0.001)
    seen = threading.Event()
    shown = Shown(seen.set)
    file = ProgressFile(tmp_path / "progress.json")
    progress = make_progress(started_at=utc_now(), updated_at=utc_now())
    with following(ProgressFile(file.path), shown):
        file.write(progress)
        assert seen.wait(10)
    count = len(shown.told)
    time.sleep(0.01)
    assert len(shown.told) == count
    assert set(shown.told) == {progress}
