"""Sends a finished run's model, and tries again while the server is away."""

import time
from collections.abc import Callable

from dashboard.reporter.backoff import Backoff
from dashboard.reporter.client import Answer
from dashboard.reporter.upload import Model, Requester, upload
from state.commit import load_commit
from state.run_folder import RunFolder

STALL_SECONDS = 60.0
"""Without one more byte."""


def model_of(folder: RunFolder, run_id: str) -> Model:
    """What a finished run has exported.

    Raises:
        ValueError: there is no model yet.
    """
    summary = load_commit(folder, verify_objects=False).record.summary
    spent = summary.get("spent")
    name = folder.root.absolute().name
    return Model.of(folder.model, run_id, name, spent if isinstance(spent, int) else None)


def send_model(
    model: Model,
    client: Requester,
    advance: Callable[[float], None],
    stall_seconds: float = STALL_SECONDS,
) -> str:
    """Send it; why it is not there, or nothing. What is there already is not sent again."""
    backoff, most, since = Backoff(), -1.0, time.monotonic()

    def further(received: float) -> None:
        nonlocal most, since
        if received > most:
            most, since = received, time.monotonic()
            backoff.worked()
        advance(received)

    while True:
        answer = _tried(model, client, further)
        if answer.kind == "taken":
            return ""
        waits = answer.kind == "later"
        if not waits or time.monotonic() - since >= stall_seconds:
            return answer.why
        time.sleep(min(backoff.failed(answer.wait_seconds), stall_seconds))


def _tried(model: Model, client: Requester, advance: Callable[[float], None]) -> Answer:
    try:
        return upload(model, client, advance)
    except OSError as error:
        return Answer("rejected", f"the model cannot be read: {error.strerror or error}")
