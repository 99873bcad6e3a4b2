"""What the processes of one member are told, and what they answer, a line of JSON each."""

from state.base import Record
from state.results import Outcome
from trainer.config import WorkerSetup


class Place(Record):
    """Who a process is."""

    setup: WorkerSetup
    rank: int
    rendezvous: str
    """A file that does not exist yet, by which the processes find each other."""


class Answer(Record):
    """What became of a task."""

    outcome: Outcome | None = None
    """From the first process alone."""
    error: str | None = None
    """Name of what was raised; None: the task was done."""
    message: str = ""
