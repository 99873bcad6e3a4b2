"""Rented machines that nobody rented."""

from datetime import UTC, datetime, timedelta

from state.rented import Rented, Span


def rented(hours_ago: float, *, cap_hours: float = 12.0, gone: bool = False) -> Rented:
    """At half a dollar an hour, since so many hours."""
    now = datetime.now(UTC)
    begun = now - timedelta(hours=hours_ago)
    return Rented(
        name="symbio-train",
        zone="us-central1-b",
        machine_type="g2-standard-4",
        spot=True,
        usd_per_hour=0.5,
        disk_usd_per_hour=0.0,
        created_at=begun,
        spans=(Span(started_at=begun, stopped_at=now if gone else None),),
        cap_seconds=cap_hours * 3600,
        gone_at=now if gone else None,
        seen_at=now,
    )
