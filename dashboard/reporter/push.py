"""Sends what a run has and a server has not, now, for somebody who waits."""

from collections.abc import Callable
from math import inf
from time import monotonic

from dashboard.reporter.carrier import Carrier
from dashboard.reporter.client import Client
from dashboard.reporter.cursor import CursorFile, Seat
from dashboard.reporter.destination import Destination
from dashboard.reporter.model_sender import model_of, send_model
from dashboard.reporter.watch import status_of
from state.progress import Reporter
from state.run_folder import RunFolder

PATIENCE_SECONDS = 60.0
"""Without one more row that a server takes."""


class NotSent(RuntimeError):  # noqa: N818
    """Not all of it was sent; the same command goes on from there."""


def push(
    folder: RunFolder,
    destination: Destination,
    *,
    progress: Reporter,
    say: Callable[[str], None],
    upload_checkpoint: bool = False,
    patience_seconds: float = PATIENCE_SECONDS,
) -> int:
    """Send everything; returns the number of rows that were sent.

    Raises:
        ValueError: another process reports this run there, or the run's store cannot be read.
        NotSent: the server is away, or takes nothing from here.
    """
    seat = Seat(folder.root, destination.name)
    if not seat.take():
        raise ValueError(
            f"another process sends run {folder.root} to that server already; "
            "it sends everything, there is nothing to push"
        )
    client = Client(destination)
    try:
        num_rows, run_id = _rows(folder, client, destination, progress, say, patience_seconds)
        if upload_checkpoint:
            _model(folder, client, run_id, progress, patience_seconds)
    finally:
        client.close()
        seat.leave()
    return num_rows


def _rows(
    folder: RunFolder,
    client: Client,
    destination: Destination,
    progress: Reporter,
    say: Callable[[str], None],
    patience_seconds: float,
) -> tuple[int, str]:
    carrier = Carrier(folder, client, CursorFile(folder.root, destination.name), say)
    carrier.mark_as(status_of(folder))
    if not carrier.begin():
        raise ValueError(f"{folder.metrics_db} holds no run yet; push it once it has begun")
    before, total = carrier.num_sent(), carrier.count_left()
    patience = _Patience(patience_seconds)
    with progress.work("sending the run", total or None, "rows") as advance:

        def shown(num_sent: int) -> None:
            patience.look(num_sent)
            advance(num_sent - before)

        done = carrier.drain(inf, patience.is_over, shown, asks=True)
    if done:
        return carrier.num_sent() - (0 if carrier.started_over else before), carrier.run_id
    if carrier.refusal:
        raise ValueError(carrier.refusal)
    raise NotSent(
        f"{carrier.count_left():,} rows are not sent: {carrier.trouble or 'the server is slow'}; "
        "the same command goes on from here"
    )


class _Patience:
    """Ends when nothing has moved for a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last, self._since = seconds, -1, monotonic()

    def look(self, count: int) -> None:
        """`count` grows as long as something moves."""
        if count != self._last:
            self._last, self._since = count, monotonic()

    def is_over(self) -> bool:
        """It has not moved for too long."""
        return monotonic() - self._since > self._seconds


def _model(
    folder: RunFolder, client: Client, run_id: str, progress: Reporter, patience_seconds: float
) -> None:
    with progress.work("reading the model"):
        model = model_of(folder, run_id)
    with progress.work("sending the model", model.archive.num_bytes, "bytes") as advance:
        why = send_model(model, client, advance, patience_seconds)
    if why:
        raise NotSent(f"the model is not sent: {why}; the same command goes on from here")
