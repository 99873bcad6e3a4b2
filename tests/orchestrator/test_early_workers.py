"""Ray starts beside the preparation of a run, which changes no error and leaves nothing behind."""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from orchestrator import session
from orchestrator.ahead import Ahead
from orchestrator.cli import main
from orchestrator.kept_signal import kept
from orchestrator.ray_head import descendants
from trainer.demo_corpus import write_demo_corpus

SMALL = ("--dim", "16", "--heads", "2", "--layers", "1", "--block", "16", "--plain")


def ray_processes() -> list[str]:
    """Command lines of what of Ray runs below this process."""
    lines = []
    for process in descendants():
        if process.status() != psutil.STATUS_ZOMBIE:
            lines.append(" ".join(process.cmdline()))
    return [line for line in lines if "/ray/" in line or "ray::" in line]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, str]]]:
    """What was started ahead, as slots and address."""
    from orchestrator import workers

    starts: list[tuple[int, str]] = []
    start = workers.start_ahead

    def counted(slots: int, address: str) -> None:
        starts.append((slots, address))
        start(slots, address)

    monkeypatch.setattr(workers, "start_ahead", counted)
    yield starts
    assert not workers._AHEAD


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    write_demo_corpus(path, 30_000)
    return path


def run(text: Path, folder: Path, *more: str) -> int:
    return main(["--data", str(text), "--run-dir", str(folder), *SMALL, "--workers", "1", *more])


@pytest.mark.ray
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\xff\xfe\x00\x01" * 500, "", id="no text"),
        pytest.param(b"A few words only.\n", "give about", id="too short for its windows"),
    ],
)
def test_a_refused_text_gives_its_line_and_no_ray_stays(
    content: bytes,
    reason: str,
    tmp_path: Path,
    begun: list[tuple[int, str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    alone = (run(tmp_path / "bad.txt", tmp_path / "run", "--engine", "inline"), capfd.readouterr())
    assert begun == []
    beside = (run(tmp_path / "bad.txt", tmp_path / "run"), capfd.readouterr())
    assert beside == alone
    assert alone[0] == 2
    assert alone[1].err.count("\n") == 1
    assert reason in alone[1].err
    assert begun == [(1, "local")]
    assert ray_processes() == []
    assert not (tmp_path / "run").exists()


@pytest.mark.ray
def test_ctrl_c_during_the_preparation_leaves_no_ray(
    text: Path,
    tmp_path: Path,
    begun: list[tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def pressed(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainer.data.prepare", pressed)
    assert run(text, tmp_path / "run") == 130
    assert len(begun) == 1
    assert ray_processes() == []
    assert not (tmp_path / "run").exists()
    assert capfd.readouterr().err.count("\n") == 1


def test_a_ray_that_does_not_answer_is_said_before_anything_is_prepared(
    text: Path,
    tmp_path: Path,
    begun: list[tuple[int, str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(text, tmp_path / "run", "--ray-address", "127.0.0.1:1") == 1
    assert begun == []
    assert not (tmp_path / "run").exists()
    error = capfd.readouterr().err
    assert error.startswith("symbio-auto: stopped: no Ray answers at 127.0.0.1:1 ")
    assert error.count("\n") == 1


def test_the_preparation_goes_on_while_ray_starts(
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from trainer import data

    preparing, prepare = threading.Event(), data.prepare

    def told(*given: Any) -> data.DatasetManifest:  # noqa: ANN401
        preparing.set()
        return prepare(*given)

    def open_crew(*_: object) -> NoReturn:
        raise RuntimeError("no room" if preparing.wait(30) else "the preparation waited")

    monkeypatch.setattr(data, "prepare", told)
    monkeypatch.setattr("orchestrator.workers.open_crew", open_crew)
    assert run(text, tmp_path / "run") == 1
    assert capfd.readouterr().err == "symbio-auto: stopped: no room\n"


@pytest.mark.parametrize("what", ["no text", "no room", "a CPU engine"])
def test_nothing_is_started_for_what_is_refused_at_a_look_or_needs_no_ray(
    what: str,
    text: Path,
    tmp_path: Path,
    begun: list[tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    if what == "no text":
        text.unlink()
    elif what == "no room":
        folder.mkdir()
        (folder / "state.json").touch()
    else:
        monkeypatch.setattr(session, "build_engine", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(text, folder, "--engine", "inline")
        assert begun == []
        return
    assert run(text, folder) == 2
    assert begun == []


def test_what_is_made_ahead_is_made_once_beside_and_its_thread_stays() -> None:
    allowed, made_in = threading.Event(), []

    def make() -> str:
        assert allowed.wait(10)
        made_in.append(threading.current_thread())
        return "made"

    ahead = Ahead(make)
    allowed.set()
    assert [ahead.result(), ahead.result()] == ["made", "made"]
    (thread,) = made_in
    assert thread is not threading.current_thread()
    assert thread.is_alive()
    ahead.end()
    ahead.end()
    assert not thread.is_alive()


def test_what_cannot_be_made_is_said_to_whoever_asks() -> None:
    def make() -> NoReturn:
        raise RuntimeError("no room")

    ahead = Ahead(make)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"^no room$"):
            ahead.result()
    ahead.end()


@pytest.mark.parametrize("answered", [True, False])
def test_a_handler_that_a_library_installs_is_undone_in_any_thread(answered: bool) -> None:
    heard: list[int] = []
    libc = ctypes.CDLL(None)

    def in_between() -> None:
        with kept(signal.SIGTERM) if answered else nullcontext():
            libc.signal(signal.SIGTERM, int(signal.SIG_IGN))

    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        ahead = Ahead(in_between)
        ahead.result()
        ahead.end()
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ([signal.SIGTERM] if answered else [])
