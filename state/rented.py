"""What a rented machine has cost so far, for whatever shows a run: a small file that any reader
can do the sum from, without asking anybody.
"""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from state.base import Record
from state.durable import write_atomically

RENTED_FILE = "rented.json"
"""In the folder of the machine, and in that of a run that was fetched from it."""
MAX_BYTES = 1 << 16
HOUR_SECONDS = 3600.0

State = Literal["running", "stopped", "deleted"]


class Span(Record):
    """From a start to the stop after it."""

    started_at: AwareDatetime
    stopped_at: AwareDatetime | None = None
    """None while it runs."""

    def seconds(self, now: datetime) -> float:
        """That it lasted, or has lasted."""
        return max(0.0, ((self.stopped_at or now) - self.started_at).total_seconds())


class Rented(Record):
    """A machine by the hour, as it was last seen."""

    name: str = Field(min_length=1, max_length=63)
    zone: str
    machine_type: str
    spot: bool
    usd_per_hour: float = Field(ge=0)
    """While it runs."""
    disk_usd_per_hour: float = Field(ge=0)
    """As long as it exists."""
    created_at: AwareDatetime
    spans: tuple[Span, ...] = ()
    """When it ran, in order."""
    cap_seconds: float = Field(gt=0)
    """After which Google ends it, over all its starts."""
    gone_at: AwareDatetime | None = None
    """When it was deleted."""
    seen_at: AwareDatetime

    def seconds(self, now: datetime) -> float:
        """That it has run for, over all its starts; one that nobody looked at again ended by its
        cap at the latest.
        """
        over = sum(one.seconds(now) for one in self.spans if one.stopped_at)
        going_on = sum(one.seconds(now) for one in self.spans if one.stopped_at is None)
        return over + min(going_on, max(0.0, self.cap_seconds - over))

    def state(self, now: datetime) -> State:
        """As far as it is known here."""
        if self.gone_at is not None:
            return "deleted"
        runs = any(one.stopped_at is None for one in self.spans)
        return "running" if runs and self.seconds(now) < self.cap_seconds else "stopped"

    def usd(self, now: datetime) -> float:
        """What it has cost, by the price that was known when it was rented; no tax, no traffic."""
        lived = max(0.0, ((self.gone_at or now) - self.created_at).total_seconds())
        running = self.seconds(now) * self.usd_per_hour
        return (running + lived * self.disk_usd_per_hour) / HOUR_SECONDS

    @property
    def most_usd(self) -> float:
        """For all the hours up to the cap; the disk costs on after them."""
        hours = self.cap_seconds / HOUR_SECONDS
        return hours * (self.usd_per_hour + self.disk_usd_per_hour)


def read_rented(folder: Path) -> Rented | None:
    """The machine that a run's folder came from; None where there was none, or the file is not
    to be believed.
    """
    try:
        with (folder / RENTED_FILE).open("rb") as file:
            return Rented.model_validate_json(file.read(MAX_BYTES + 1))
    except (OSError, ValidationError, ValueError):
        return None


def write_rented(folder: Path, rented: Rented) -> None:
    """Leave it there for whatever shows the run.

    Raises:
        OSError: the folder takes no file.
    """
    write_atomically(folder / RENTED_FILE, f"{rented.model_dump_json()}\n".encode())
