"""The process beside a run: carries and tells while the run goes on, then sends what is left."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from dashboard.reporter.carrier import Carrier
from dashboard.reporter.client import Client
from dashboard.reporter.cursor import CursorFile, Seat
from dashboard.reporter.destination import Destination
from dashboard.reporter.model_sender import model_of, send_model
from dashboard.reporter.notify.channel import Channel
from dashboard.reporter.notify.herald import Herald
from dashboard.reporter.watch import Ending, Watch, ending_of
from state.pasted import pasted
from state.run_folder import RunFolder
from state.run_lock import live_holder

POLL_SECONDS = 1.0
DRAIN_SECONDS = 20.0
"""For what is left when a run has ended in order: somebody waits."""
AWAY_DRAIN_SECONDS = 5.0
"""The same where the server was away by then."""
DEAD_DRAIN_SECONDS = 300.0
"""For what a run leaves that died: nobody waits."""
TELL_SECONDS = 10.0


class Task(NamedTuple):
    """What a reporter is to do."""

    folder: RunFolder
    destination: Destination | None = None
    addresses: tuple[str, ...] = ()
    sample_interval: int = 0
    """Steps between messages with samples, 0 for none."""
    log_bytes: int = 0
    """Of the log when the run began or went on."""
    upload_checkpoint: bool = False


class Reporter:
    """One run, at most one server, any number of people."""

    def __init__(self, task: Task, watch: Watch, say: Callable[[str], None]) -> None:
        self._task, self._watch, self._say = task, watch, say
        self._told: set[str] = set()
        self._client: Client | None = None
        self._carrier: Carrier | None = None
        self._seat: Seat | None = None
        if task.destination is not None:
            name = task.destination.name
            self._seat = Seat(task.folder.root, name)
            self._client = Client(task.destination)
            self._carrier = Carrier(
                task.folder, self._client, CursorFile(task.folder.root, name), say
            )
        self._channel = Channel(task.addresses, say) if task.addresses else None
        self._herald: Herald | None = None
        if self._channel is not None:
            self._herald = Herald(
                task.folder,
                self._channel,
                sample_interval=task.sample_interval,
                log_bytes=task.log_bytes,
            )

    def run(self) -> str:
        """Work until the run has ended and all is sent, or time is up: a last line, or nothing."""
        while not self._watch.wait(POLL_SECONDS):
            self._guarded(self._tell)
            self._guarded(self._carry)
        ending = ending_of(self._task.folder, self._watch)
        self._guarded(self._tell)
        self._guarded(lambda: self._tell_end(ending))
        lines: list[str] = []
        self._guarded(lambda: lines.append(self._send_the_rest(ending)))
        self._close()
        return " ".join(filter(None, lines))

    def _tell(self) -> None:
        if self._herald is not None:
            self._herald.look()

    def _tell_end(self, ending: Ending) -> None:
        if self._herald is not None:
            self._herald.end(ending)

    def _carry(self) -> None:
        """Requests that need not wait for each other, for as long as a look at the run can wait."""
        if self._carrier is None or self._seat is None or not self._seat.take():
            return
        until = time.monotonic() + POLL_SECONDS
        while self._carrier.step() and time.monotonic() < until:
            continue

    def _send_the_rest(self, ending: Ending) -> str:
        carrier, seat = self._carrier, self._seat
        if carrier is None or seat is None or not seat.take():
            return ""
        carrier.mark_as(ending)
        patience = AWAY_DRAIN_SECONDS if carrier.trouble else DRAIN_SECONDS
        seconds = DEAD_DRAIN_SECONDS if ending == "died" else patience
        if not carrier.drain(seconds, self._goes_on_elsewhere, lambda _: None):
            return "" if self._goes_on_elsewhere() else self._left_over(carrier)
        if self._task.upload_checkpoint and ending == "finished":
            return self._send_the_model(carrier.run_id)
        return ""

    def _goes_on_elsewhere(self) -> bool:
        """The run was resumed, with a reporter of its own that waits for this one's seat."""
        return self._watch_is_over() and live_holder(self._task.folder.lock) is not None

    def _watch_is_over(self) -> bool:
        return self._watch.wait(0)

    def _left_over(self, carrier: Carrier) -> str:
        why = carrier.refusal or carrier.trouble
        told = f" ({why})" if why else ""
        return (
            f"{carrier.count_left():,} rows of this run are not sent yet{told}; send them with: "
            f"symbio-auto push {pasted(self._task.folder.root)}"
        )

    def _send_the_model(self, run_id: str) -> str:
        assert self._client is not None
        try:
            why = send_model(model_of(self._task.folder, run_id), self._client, lambda _: None)
        except ValueError as error:
            why = str(error)
        if not why:
            return ""
        return (
            f"the model is not sent ({why}); send it with: "
            f"symbio-auto push {pasted(self._task.folder.root)} --upload-checkpoint"
        )

    def _guarded(self, act: Callable[[], None]) -> None:
        """A store or a disk that cannot be read now may be readable a second later."""
        try:
            act()
        except (OSError, ValueError, SQLAlchemyError) as error:
            line = " ".join(str(error).split())[:300]
            if line not in self._told:
                self._told.add(line)
                self._say(line)

    def _close(self) -> None:
        if self._herald is not None:
            self._herald.close()
        if self._channel is not None:
            self._channel.close(TELL_SECONDS)
        if self._client is not None:
            self._client.close()
        if self._seat is not None:
            self._seat.leave()
