"""What a far machine says of the one job that it works on."""

from typing import Literal

from pydantic import Field, JsonValue

from state.base import Record

JobState = Literal[
    "idle", "running", "waiting", "finished", "failed", "killed", "stopped", "interrupted"
]
"""`idle`: there never was a job. `waiting`: it crashed and is about to be started again.
`stopped`: somebody stopped the run there. `interrupted`: the machine went down under it, and
`Session.revive` lets it go on."""


class RemoteStatus(Record):
    """The job, its run and the machine, as they stand now."""

    state: JobState
    command: tuple[str, ...] = ()
    run: str | None = None
    """The run's name: its folder is `runs/NAME` there."""
    pid: int | None = None
    """Of symbio-auto, while it works."""
    restarts: int = 0
    exit_code: int | None = None
    """Of the last symbio-auto that ended; negative: the signal that ended it."""
    reason: str | None = None
    """Why it is not running, in one line."""
    started_at: str | None = None
    """ISO 8601, UTC."""
    ended_at: str | None = None
    summary: dict[str, JsonValue] = Field(default_factory=dict)
    """The one of the run's state.json: phase, generation, steps spent."""
    progress: dict[str, JsonValue] = Field(default_factory=dict)
    """The run's progress.json; empty where nothing takes long just now."""
    free_bytes: int = 0
    """On the disk of the run."""

    @property
    def works(self) -> bool:
        """Somebody there sees to the run, even if it just crashed."""
        return self.state in {"running", "waiting"}
