"""How far something that takes a while has come: for people, part of no record and no decision.

`progress.json` is replaced while work lasts, read by whatever shows the run, and removed when the
work is over. It is volatile: no commit names it, nothing waits until it is on the disk, and what a
killed process leaves is soon too old to be believed.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from state.base import Record

STALE_SECONDS = 60.0
"""What was not written again for so long is of a process that is gone."""
INTERVAL_SECONDS = 0.5
"""Between two writes of the same work, and before the first."""
MAX_BYTES = 4096

_Item = TypeVar("_Item")
Advance = Callable[[float], None]
"""Takes how much is done by now, in the unit of the work: not how much more."""


class Progress(Record):
    """Work that is under way, as it stood at `updated_at`."""

    what: str = Field(min_length=1, max_length=200)
    done: float = Field(ge=0)
    total: float | None = Field(default=None, gt=0)
    """In the same unit; None where nobody can say."""
    unit: str = Field(default="", max_length=40)
    """In the plural, as in "prompts"; "bytes" is shown with a prefix."""
    started_at: AwareDatetime
    updated_at: AwareDatetime

    @property
    def share(self) -> float | None:
        """What is done of the whole, 0 to 1; None where the whole is not known."""
        return None if self.total is None else min(1.0, self.done / self.total)

    def seconds_left(self, now: datetime) -> float | None:
        """To the end at the pace so far, never negative; None while there is no pace."""
        taken = (self.updated_at - self.started_at).total_seconds()
        if self.total is None or self.done <= 0 or taken <= 0:
            return None
        left = taken * max(0.0, self.total - self.done) / self.done
        return max(0.0, left - max(0.0, (now - self.updated_at).total_seconds()))


class Sink(Protocol):
    """Where progress is shown. Neither method may raise: what shows a run must not stop it."""

    def write(self, progress: Progress) -> None:
        """Show this in place of what was shown."""

    def remove(self) -> None:
        """Show nothing."""


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class ProgressFile:
    """One progress for every process that works on a run: what began last hides the others."""

    def __init__(self, path: Path, now: Callable[[], datetime] = utc_now) -> None:
        self.path = path
        self._now = now
        self._own: Progress | None = None

    def read(self) -> Progress | None:
        """What is under way; None where there is nothing, or nothing that can be believed.

        The text in it is foreign: a run folder may come from anywhere.
        """
        try:
            if not self.path.is_file():
                return None
            with self.path.open("rb") as file:
                found = Progress.model_validate_json(file.read(MAX_BYTES + 1))
        except (OSError, ValidationError, ValueError):
            return None
        age = (self._now() - found.updated_at).total_seconds()
        return found if abs(age) < STALE_SECONDS else None

    def write(self, progress: Progress) -> None:
        """Replace it, unless another process has begun something since. A disk that takes
        nothing is left as it is.
        """
        shown = self.read()
        if shown is None or shown == self._own or shown.started_at <= progress.started_at:
            self._replace(progress.model_dump_json().encode())
            self._own = progress

    def remove(self) -> None:
        """Take it away, unless what is there is another process's."""
        shown = self.read()
        if self._own is None or shown is None or shown == self._own:
            with suppress(OSError, ValueError):
                self.path.unlink(missing_ok=True)
        self._own = None

    def _replace(self, data: bytes) -> None:
        """By a name that whoever cleans up after a kill knows as a temporary one."""
        name = f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
        temporary = self.path.with_name(name)
        with suppress(OSError, ValueError):
            try:
                temporary.write_bytes(data)
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


class Reporter:
    """Tells its sinks how far the work of this process is; of nested work the innermost.

    Work of less than INTERVAL_SECONDS leaves no trace. A reporter without sinks does nothing.
    """

    def __init__(
        self,
        *sinks: Sink,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.sinks = sinks
        self.clock, self.now = clock, now
        self._open: list[_Work] = []
        self._lock = threading.RLock()

    @contextmanager
    def work(
        self, what: str, total: float | None = None, unit: str = "", *, beats: bool = False
    ) -> Iterator[Advance]:
        """Report what is done inside. Call what it gives as often as you like, with what is done
        by now: it costs a look at the clock. Work that `beats`, or has no total, is told again and
        again from a thread: for what advances in seconds, not in milliseconds.
        """
        if not self.sinks:
            yield _ignore
            return
        work = _Work(self, what, total, unit)
        self._open.append(work)
        try:
            with self._beating(work) if beats or total is None else nullcontext():
                yield work.advance
        finally:
            self._end(work)

    def tell(self, work: "_Work") -> None:
        """Say how far the work is, if it is time and no work is inside it."""
        with self._lock:
            if self.clock() >= work.due:
                work.due = self.clock() + INTERVAL_SECONDS
                self._show(work)

    def _show(self, work: "_Work") -> None:
        if self._open and self._open[-1] is work:
            work.shown, progress = True, work.progress()
            for sink in self.sinks:
                sink.write(progress)

    def _end(self, work: "_Work") -> None:
        """What it was inside of comes back."""
        with self._lock:
            self._open.remove(work)
            if not work.shown:
                return
            if self._open:
                self._show(self._open[-1])
            else:
                for sink in self.sinks:
                    sink.remove()

    @contextmanager
    def _beating(self, work: "_Work") -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(work, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, work: "_Work", over: threading.Event) -> None:
        while not over.wait(INTERVAL_SECONDS):
            self.tell(work)


SILENT = Reporter()
"""Nobody looks."""


def told(items: Iterable[_Item], done: Iterable[float], advance: Advance) -> Iterator[_Item]:
    """The items; when the next one is asked for, `done` after the one before is told."""
    for item, now in zip(items, done, strict=True):
        yield item
        advance(now)


class _Work:
    """What is open in a reporter."""

    def __init__(self, reporter: Reporter, what: str, total: float | None, unit: str) -> None:
        self.what, self.total, self.unit = what, total or None, unit
        self.done = 0.0
        self.shown = False
        self._reporter, self._clock = reporter, reporter.clock
        self._started_at = reporter.now()
        self.due = self._clock() + INTERVAL_SECONDS

    def advance(self, done: float) -> None:
        self.done = done
        if self._clock() >= self.due:
            self._reporter.tell(self)

    def progress(self) -> Progress:
        return Progress(
            what=self.what,
            done=self.done,
            total=self.total,
            unit=self.unit,
            started_at=self._started_at,
            updated_at=max(self._started_at, self._reporter.now()),
        )


def _ignore(done: float) -> None:
    """Nobody looks."""
