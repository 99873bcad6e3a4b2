"""What lies beside the store in a run's folder: work under way, and the machine that was rented."""

from datetime import UTC

from dashboard.terminal.figures import printable
from dashboard.terminal.progress import amount
from state.base import Record
from state.progress import ProgressFile, utc_now
from state.rented import State, read_rented
from state.run_folder import RunFolder


class Work(Record):
    """Something that takes a while, as it stood when it was last written."""

    what: str
    done: str
    """Of how much: `12.1/18.0 MB`; empty where nobody can say."""
    share: float | None
    """0 to 1; None where the whole is not known."""
    seconds_left: float | None


class Machine(Record):
    """A rented machine, as it was last seen. US dollars by the price that was known when it was
    rented, without taxes and traffic.
    """

    name: str
    machine_type: str
    spot: bool
    state: State
    usd: float
    """So far."""
    most_usd: float
    """Up to its cap; the disk costs on after it."""
    seen_at: str


def work_in(folder: RunFolder) -> Work | None:
    """What a run is at, besides its steps; None where there is nothing that can be believed."""
    found = ProgressFile(folder.progress).read()
    if found is None:
        return None
    return Work(
        what=printable(found.what),
        done=amount(found),
        share=found.share,
        seconds_left=found.seconds_left(utc_now()),
    )


def machine_in(folder: RunFolder) -> Machine | None:
    """The machine that a run works on, or came from; None where there was none."""
    found = read_rented(folder.root)
    if found is None:
        return None
    now = utc_now()
    return Machine(
        name=printable(found.name),
        machine_type=printable(found.machine_type),
        spot=found.spot,
        state=found.state(now),
        usd=found.usd(now),
        most_usd=found.most_usd,
        seen_at=found.seen_at.astimezone(UTC).isoformat(timespec="seconds"),
    )
