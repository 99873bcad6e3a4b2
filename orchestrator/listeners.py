"""Listeners that cannot hold the run up: they may be slow, block for ever or raise."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from pydantic import JsonValue

from orchestrator.recorder import EventListener, Recorder
from orchestrator.stages.conclusion import Event

CAPACITY = 1000
CLOSE_SECONDS = 2.0

Heard = tuple[str, dict[str, JsonValue]]


class BufferedListener:
    """Tells `listener` from a thread of its own. What does not fit the buffer is dropped."""

    def __init__(self, listener: EventListener, capacity: int = CAPACITY) -> None:
        self.num_dropped = 0
        self.error: str | None = None
        """Why the listener is told nothing more."""
        self._listener = listener
        self._waiting: queue.Queue[Heard | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._tell, name="event listener", daemon=True)
        self._thread.start()

    def __call__(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Pass an event on, or drop it; returns at once."""
        try:
            self._waiting.put_nowait((kind, dict(data)))
        except queue.Full:
            self.num_dropped += 1

    def close(self, seconds: float = CLOSE_SECONDS) -> str | None:
        """Wait for the listener to hear the rest, at most `seconds`; says what it missed."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=seconds)
            self._thread.join(seconds)
        missed = self.num_dropped + self._waiting.qsize()
        if self.error is not None:
            return f"it failed and was told nothing more: {self.error}"
        return f"it was too slow and missed {missed} events" if missed else None

    def _tell(self) -> None:
        while (heard := self._waiting.get()) is not None:
            try:
                self._listener(*heard)
            # The border: no fault of a listener may reach the run.
            except Exception as error:  # noqa: BLE001
                self.error = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                return


@contextmanager
def told(recorder: Recorder, listeners: Sequence[EventListener]) -> Iterator[None]:
    """The listeners hear what the recorder says; what one of them missed goes to the log."""
    buffered = [BufferedListener(listener) for listener in listeners]
    for one in buffered:
        recorder.listen(one)
    try:
        yield
    finally:
        for one in buffered:
            if reason := one.close():
                recorder.say(Event(kind="listener_left_behind", data={"reason": reason}))
