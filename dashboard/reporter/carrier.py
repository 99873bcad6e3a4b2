"""Brings a run's rows to a server, whatever the server does meanwhile."""

import time
from collections.abc import Callable
from typing import Protocol

from pydantic import JsonValue

from dashboard.reporter.backoff import REFUSED_SECONDS, Backoff
from dashboard.reporter.client import Answer
from dashboard.reporter.cursor import CursorFile
from dashboard.reporter.journal import StepJournal
from dashboard.reporter.outbox import Batch, Outbox
from dashboard.reporter.tables import SmallTables
from state import wire
from state.run_folder import RunFolder

INGEST = "/api/ingest"
FEW_ROWS = 10
"""As many are sent at once,"""
PATIENCE_SECONDS = 30.0
"""fewer after this time,"""
MOST_ROWS = 500
"""and not more in one request."""
HEARTBEAT_SECONDS = 60.0
LOOK_SECONDS = 5.0
"""Between two looks at the small tables."""
WAIT_SECONDS = 0.1
MOST_REJECTED = 20
"""Rows in a row: a server that takes none of them takes nothing of this run."""


class Poster(Protocol):
    """What is used of a client."""

    def post(self, path: str, document: JsonValue) -> Answer:
        """Send a document."""


class Carrier:
    """The reporter of one run to one server; what goes wrong is told to `say` in a line."""

    def __init__(
        self,
        folder: RunFolder,
        client: Poster,
        cursor_file: CursorFile,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._client, self._file = folder, client, cursor_file
        self._say, self._clock = say, clock
        self._tables = SmallTables(folder.metrics_db)
        self._backoff = Backoff()
        self._most_rows, self._num_rejected = MOST_ROWS, 0
        self._not_before = self._looked_at = self._taken_at = clock()
        self._unsent_since: float | None = None
        self._status, self._in_a_hurry, self._asks = "active", False, False
        self.started_over = False
        """The server had lost what it once had."""
        self._is_greeted, self._all_sent = False, False
        self._troubles: set[str] = set()
        self.outbox: Outbox | None = None
        self.run_id = ""
        """Empty before the run has a store."""
        self.trouble = ""
        """Why the last request was not taken."""
        self.refusal = ""
        """Why it makes no sense to go on trying soon; empty where it does."""

    def is_waiting(self) -> bool:
        """After a failure it is too early to try again."""
        return self._clock() < self._not_before

    def begin(self) -> bool:
        """Find the run and where the server stands; False while there is no store.

        Raises:
            ValueError: the store cannot be used.
        """
        if self.outbox is None:
            run_id = self._tables.run_id() if self._folder.metrics_db.is_file() else None
            if run_id is None:
                return False
            journal = StepJournal(self._folder.metrics_jsonl, run_id)
            self.run_id = run_id
            self.outbox = Outbox(self._tables, journal, run_id, self._file.read(run_id))
        return True

    def mark_as(self, status: str) -> None:
        """What the run's row is to say of its status; its own store knows no stop and no death."""
        self._status = status
        if self.outbox is not None:
            self.outbox.look_again()

    def drain(
        self,
        seconds: float,
        is_over: Callable[[], bool],
        shown: Callable[[int], None],
        *,
        asks: bool = False,
    ) -> bool:
        """Send what there is, however little; False where not all of it is sent within `seconds`,
        or before `is_over`. `shown` is told how many rows were sent in all. Who `asks` takes
        nothing for sent before the server has answered.

        Raises:
            ValueError: the store cannot be read.
            OSError: a file of the run cannot be read.
        """
        deadline = self._clock() + seconds
        self._in_a_hurry, self._all_sent, self._asks = True, False, asks
        if self.outbox is not None:
            self.outbox.look_again()
        if not self.refusal:
            self._not_before = min(self._not_before, self._clock())
        while self._clock() < deadline and not self.refusal and not is_over():
            if self.is_waiting():
                time.sleep(WAIT_SECONDS)
            elif not self.step() and self._all_sent:
                return True
            shown(self.num_sent())
        return False

    def step(self) -> bool:
        """Send one request if it is time for one; True where the next may follow at once.

        Raises:
            ValueError: the store cannot be read.
            OSError: a file of the run cannot be read.
        """
        if self.is_waiting() or not self.begin():
            return False
        assert self.outbox is not None
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS and self._tables.has_changed():
            self._looked_at = now
            self.outbox.look_again()
        batch = self.outbox.next(self._most_rows, {"status": self._status})
        self._all_sent = False
        if not batch.messages:
            if self._asks and not self._greeted():
                return False
            self._unsent_since, self._all_sent = None, not batch.more
            self.outbox.taken(batch)
            self._beat(now)
            return batch.more
        if not self._is_due(batch, now) or not self._greeted():
            return False
        answer = self._client.post(INGEST, wire.batch(batch.messages))
        self._absorb(batch, answer)
        return not self.is_waiting() and (answer.kind != "taken" or batch.more)

    def count_left(self) -> int:
        """Rows that the server has not acknowledged.

        Raises:
            ValueError: the store cannot be read.
            OSError: a file of the run cannot be read.
        """
        if self.outbox is None:
            return 0
        self.outbox.next(1, {"status": self._status})
        return self.outbox.num_left()

    def num_sent(self) -> int:
        """Rows that it has acknowledged, repetitions included."""
        return self.outbox.cursor.num_rows if self.outbox else 0

    def _is_due(self, batch: Batch, now: float) -> bool:
        if self._unsent_since is None:
            self._unsent_since = now
        enough = batch.num_rows >= FEW_ROWS or self._most_rows < MOST_ROWS
        return enough or self._in_a_hurry or now - self._unsent_since >= PATIENCE_SECONDS

    def _greeted(self) -> bool:
        """The server answers a request that is so short that it hears it to its end, whatever it
        thinks of it; a longer one it may cut off in place of an answer.
        """
        if self._is_greeted:
            return True
        before = self.num_sent()
        return self._beat(self._clock(), after_seconds=0) and self.num_sent() == before

    def _beat(self, now: float, after_seconds: float = HEARTBEAT_SECONDS) -> bool:
        """Say that the run is alive where nothing else said so for a while."""
        if now - self._taken_at < after_seconds:
            return False
        answer = self._client.post(INGEST, wire.heartbeat(self.run_id))
        if answer.kind == "taken":
            self._worked()
            self._start_over(answer)
        else:
            self._failed(answer)
        return answer.kind == "taken"

    def _start_over(self, answer: Answer) -> None:
        """Where the server has nothing of what it once took: its store is another one."""
        held = answer.document.get("held") if isinstance(answer.document, dict) else None
        if held == 0 and self.num_sent() and self.outbox is not None:
            self._say("the server has lost the run; it is sent again from its beginning")
            self.outbox.begin_again()
            self.started_over = True

    def _absorb(self, batch: Batch, answer: Answer) -> None:
        match answer.kind:
            case "taken":
                self._num_rejected = 0
                self._most_rows = min(MOST_ROWS, 2 * self._most_rows)
                self._worked()
                self._acknowledge(batch)
            case "rejected" | "too large" if batch.num_rows > 1:
                self._most_rows = max(1, batch.num_rows // 2)
            case "rejected" | "too large":
                self._pass_over(batch, answer)
            case _:
                self._failed(answer)

    def _acknowledge(self, batch: Batch) -> None:
        assert self.outbox is not None
        self.outbox.taken(batch)
        self._unsent_since = None
        if batch.num_damaged:
            self._say_once(f"{self._folder.metrics_jsonl.name} has lines that are no rows")
        try:
            self._file.write(self.run_id, self.outbox.cursor)
        except OSError as error:
            self._say_once(f"remote.json cannot be written: {error.strerror}")

    def _pass_over(self, batch: Batch, answer: Answer) -> None:
        """One row that the server will never take must not hold up all others."""
        self._num_rejected += 1
        self._say_once(f"the server takes not every row: {answer.why}")
        if self._num_rejected >= MOST_REJECTED or batch.num_rows == 0:
            self.refusal = f"the server takes no rows of this run: {answer.why}"
            self._not_before = self._clock() + REFUSED_SECONDS
            self._num_rejected = 0
        else:
            self._acknowledge(batch)

    def _worked(self) -> None:
        if self._backoff.failures:
            self._say("the server takes rows again")
        self._backoff.worked()
        self._is_greeted = True
        self._troubles.clear()
        self._taken_at = self._clock()
        self.trouble = self.refusal = ""

    def _failed(self, answer: Answer) -> None:
        self.trouble, self._is_greeted = answer.why, False
        wait = self._backoff.failed(answer.wait_seconds)
        if answer.kind == "refused":
            self.refusal = f"the server refuses to take rows: {answer.why}; {_remedy(answer)}"
            if not self._in_a_hurry:
                self._say_once(self.refusal)
            wait = REFUSED_SECONDS
        else:
            self._say_once(
                f"the server cannot be used: {answer.why}; rows wait in the run's folder"
            )
        self._not_before = self._clock() + wait

    def _say_once(self, line: str) -> None:
        """Until a request was taken."""
        if line not in self._troubles:
            self._troubles.add(line)
            self._say(line)


def _remedy(answer: Answer) -> str:
    if answer.status in {401, 403}:
        return "SYMBIO_REMOTE_SECRET must be the one that the server was started with"
    if answer.status in {301, 302, 303, 307, 308}:
        return "give the address that it redirects to"
    return "SYMBIO_REMOTE_URL must be the address of symbio-auto serve"
