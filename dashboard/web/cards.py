"""What a list of runs shows of each: pure functions of what the stores say."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from dashboard.web.beside import Machine, Work
from state.base import Record
from state.store_rows import LossPoint
from state.stored_run import StoredRun

Health = Literal["live", "stale", "ended"]
"""At work and heard of, silent for too long, or done."""


class RunCard(Record):
    """One run in a list of runs."""

    run_id: str
    name: str
    """The folder's name, else the run's."""
    domain: str | None
    status: str
    """`active`, `finished`, `stopped`, or what a reporter says."""
    symbio: bool
    symbio_mode: str | None
    ffn_activation: str | None
    best_bits_per_byte: float | None
    best_val_loss: float | None
    """Nats; of runs that report no bits per byte."""
    latest_step: int | None
    last_loss: float | None
    created_at: str | None
    updated_at: str | None
    """When something was heard of it, ISO 8601, UTC."""
    health: Health
    source: Literal["server", "folder"]
    work: Work | None = None
    """Under way besides its steps; known of runs in folders."""
    machine: Machine | None = None
    """Rented for it; known of runs in folders."""

    @property
    def beside(self) -> str:
        """Changes with what a page shows of these two, and not with the time alone."""
        work = f"{self.work.what} {self.work.done}" if self.work else ""
        return f"{work} {self.machine.state}" if self.machine else work


def card_of(
    run: StoredRun,
    last: LossPoint | None,
    *,
    name: str,
    source: Literal["server", "folder"],
    status: str,
    heard_at: datetime | None,
    stale_seconds: float,
) -> RunCard:
    """The card of a run, whose newest step is `last`."""
    columns = run.columns
    step, loss = columns["latest_step"], columns["last_loss"]
    return RunCard(
        run_id=run.run_id,
        name=name,
        domain=_text(columns, "domain"),
        status=status,
        symbio=columns["symbio"] == 1,
        symbio_mode=_text(columns, "symbio_mode"),
        ffn_activation=_text(columns, "ffn_activation"),
        best_bits_per_byte=run.best_bits_per_byte,
        best_val_loss=_number(columns, "best_val_loss"),
        latest_step=step if isinstance(step, int) else last.step if last else None,
        last_loss=loss if isinstance(loss, float) else last.loss if last else None,
        created_at=_text(columns, "created_at"),
        updated_at=heard_at.isoformat(timespec="seconds") if heard_at else None,
        health=health_of(status, heard_at, stale_seconds),
        source=source,
    )


def health_of(status: str, heard_at: datetime | None, stale_seconds: float) -> Health:
    """Whether a run lives, by when it was heard of last."""
    if status != "active":
        return "ended"
    if heard_at is None:
        return "stale"
    silent = (datetime.now(UTC) - heard_at).total_seconds()
    return "stale" if silent > stale_seconds else "live"


def status_of(run: StoredRun) -> str:
    """What the store says: the run's row is `active` until a reporter says something else."""
    if run.last_event == "finished":
        return "finished"
    return _text(run.columns, "status") or "active"


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 time; one without a zone is UTC, and None is what cannot be read."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(columns: Mapping[str, JsonValue], name: str) -> str | None:
    value = columns[name]
    return value if isinstance(value, str) else None


def _number(columns: Mapping[str, JsonValue], name: str) -> float | None:
    value = columns[name]
    return float(value) if isinstance(value, int | float) else None
