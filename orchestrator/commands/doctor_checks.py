"""What a check of `symbio-auto doctor` says."""

from state.base import Record


class Check(Record):
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
