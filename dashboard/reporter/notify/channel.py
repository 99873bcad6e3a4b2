"""Sends messages from a thread of its own, not too many of them, and never says where to."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from dashboard.reporter.notify.addresses import load, quiet

MOST_AN_HOUR = 20
"""Messages besides those that must come."""
HOUR_SECONDS = 3600.0
CAPACITY = 50


class Message(NamedTuple):
    """What is said to people."""

    title: str
    body: str
    must_come: bool = False
    """Start and end of a run: no limit holds it back."""


class HourlyLimit:
    """At most so many in any hour."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._times: deque[float] = deque()

    def allows(self) -> bool:
        """One more may go; it counts."""
        now = self._clock()
        while self._times and now - self._times[0] >= HOUR_SECONDS:
            self._times.popleft()
        if len(self._times) >= self._most:
            return False
        self._times.append(now)
        return True


class Channel:
    """All addresses. What one of them does not take costs one line to `say`."""

    def __init__(
        self, addresses: Sequence[str], say: Callable[[str], None], most: int = MOST_AN_HOUR
    ) -> None:
        self._addresses, self._say = list(addresses), say
        self._limit = HourlyLimit(most)
        self._num_left_out = 0
        self._waiting: queue.Queue[Message | None] = queue.Queue(CAPACITY)
        self._thread = threading.Thread(target=self._deliver, name="notifications", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Pass it on, or leave it out; returns at once."""
        if not message.must_come and not self._limit.allows():
            self._num_left_out += 1
            return
        if self._num_left_out:
            left_out = f"\n({self._num_left_out} messages before this one were left out)"
            message = message._replace(body=message.body + left_out)
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._num_left_out += 1
        else:
            self._num_left_out = 0

    def close(self, seconds: float) -> None:
        """Wait for the rest, but not longer than `seconds`."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _deliver(self) -> None:
        load()
        import apprise

        with quiet():
            made = [
                apprise.Apprise.instantiate(one, suppress_exceptions=True)
                for one in self._addresses
            ]
            for number, one in enumerate(made, start=1):
                if one is None:
                    self._say(f"notification address {number} cannot be used")
            while (message := self._waiting.get()) is not None:
                for number, one in enumerate(made, start=1):
                    if one is not None and not _taken(one, message):
                        self._say(f"notification address {number} did not take {message.title!r}")


def _taken(address: object, message: Message) -> bool:
    import apprise

    assert isinstance(address, apprise.NotifyBase)
    try:
        return bool(
            address.notify(
                title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT
            )
        )
    # The border: no fault of a service may end the thread, and its text may hold the address.
    except Exception:  # noqa: BLE001
        return False
