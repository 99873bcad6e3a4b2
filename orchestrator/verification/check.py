"""One line of the table that `verify` prints."""

from typing import Literal

from state.base import Record


class Check(Record):
    """What was looked at, and what was found."""

    name: str
    status: Literal["ok", "failed", "skipped"]
    found: str


def passed(name: str, found: str) -> Check:
    """It holds."""
    return Check(name=name, status="ok", found=found)


def failed(name: str, found: str) -> Check:
    """It does not hold."""
    return Check(name=name, status="failed", found=found)


def skipped(name: str, why: str) -> Check:
    """There is nothing to look at yet."""
    return Check(name=name, status="skipped", found=why)
