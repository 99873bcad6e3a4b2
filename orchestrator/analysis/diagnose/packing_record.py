"""The packing table: how many members this device's memory holds."""

from state.base import Record


class Packing(Record):
    """Members of one shape."""

    batch: int
    block: int
    dtype: str
    megabytes: float
    worker_megabytes: float
    free_megabytes: float
    fitting: int
    together: int = 0
    """Members that were trained at once, fewer where as many did not fit; 0: not tried."""
    tokens_per_second: float
    measured: str = ""
    """Day of the measurement; empty where it was made for this table."""


class Unfit(Record):
    """A shape that could not be trained here."""

    batch: int
    block: int
    reason: str


class Memory(Record):
    """The packing table."""

    model: str = ""
    """Whose members, in words."""
    device: str = ""
    threads: int = 1
    """Of each member."""
    skipped: str = ""
    """Why nothing, or nothing more, was measured; empty where it was."""
    rows: tuple[Packing, ...] = ()
    unfit: tuple[Unfit, ...] = ()
