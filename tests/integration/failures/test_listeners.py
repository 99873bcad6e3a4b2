"""Whoever listens to a run may raise, block or be slow: the run goes on and says it at the end."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from orchestrator.listeners import BufferedListener, told
from orchestrator.recorder import EventListener, Recorder
from orchestrator.stages.conclusion import Event
from state.run_folder import RunFolder

MANY = 5000


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    one = Recorder(folder, "run-1")
    yield one
    one.close()


def say_many(recorder: Recorder, *listeners: EventListener, num_events: int = 100) -> float:
    """Seconds that the events took while the listeners were told."""
    with told(recorder, listeners):
        began = time.monotonic()
        for number in range(num_events):
            recorder.say(Event(kind="generation", data={"number": number}))
        return time.monotonic() - began


class Heard:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.numbers: list[JsonValue] = []

    def listen(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        self.numbers.append(data.get("number", kind))


class Blocked:
    """Hears nothing before it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def listen(self, *_: object) -> None:
        self.gate.wait()


def last_line(recorder: Recorder) -> dict[str, JsonValue]:
    lines = recorder.folder.log.read_text(encoding="utf-8").splitlines()
    loaded: dict[str, JsonValue] = json.loads(lines[-1])
    return loaded


def test_a_listener_hears_every_event_in_order(recorder: Recorder) -> None:
    heard = Heard()
    say_many(recorder, heard.listen)
    assert heard.numbers == list(range(100))


def test_a_listener_that_raises_is_left_out_and_the_others_are_not(recorder: Recorder) -> None:
    heard = Heard()

    def broken(kind: str, data: Mapping[str, JsonValue]) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    say_many(recorder, broken, heard.listen)
    assert heard.numbers[:100] == list(range(100))
    line = last_line(recorder)
    assert line["kind"] == "listener_left_behind"
    assert "BrokenPipeError: [Errno 32] Broken pipe" in str(line["reason"])


def test_a_listener_that_blocks_for_ever_slows_nothing_down(recorder: Recorder) -> None:
    blocked = Blocked()
    without = say_many(recorder, num_events=1000)
    seconds = say_many(recorder, blocked.listen, num_events=1000)
    blocked.gate.set()
    assert seconds < 3 * without + 0.5
    assert "too slow and missed" in str(last_line(recorder)["reason"])


def test_what_does_not_fit_the_buffer_is_dropped_and_counted() -> None:
    blocked = Blocked()
    listener = BufferedListener(blocked.listen, capacity=10)
    for _ in range(MANY):
        listener("generation", {})
    assert MANY - 11 <= listener.num_dropped <= MANY - 10
    blocked.gate.set()
    assert listener.close() == f"it was too slow and missed {listener.num_dropped} events"


def test_the_run_is_not_told_by_a_listener_that_changes_what_it_heard(recorder: Recorder) -> None:
    def meddler(kind: str, data: Mapping[str, JsonValue]) -> None:
        assert isinstance(data, dict)
        data.clear()

    event = Event(kind="generation", data={"number": 1})
    with told(recorder, [meddler]):
        recorder.say(event)
    assert event.data == {"number": 1}
