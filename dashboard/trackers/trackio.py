"""Trackio: a local dashboard over SQLite, `trackio show`."""

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from contextvars import copy_context
from typing import Protocol

from pydantic import JsonValue

from dashboard.trackers.protocol import required_package


class _Run(Protocol):
    """What is used of trackio's class of that name."""

    def log(self, metrics: Mapping[str, object], step: int) -> None: ...
    def finish(self) -> None: ...


class Trackio:
    """One run of a Trackio project, continued under its name after a resumption.

    Where Trackio keeps its data is for its own environment variables to say (TRACKIO_DIR). What it
    has to say itself goes to stderr: stdout is the command's.
    """

    def __init__(self, *, project: str) -> None:
        """
        Raises:
            ValueError: the package trackio is missing.
        """
        self._package = required_package("trackio")
        self._project = project
        self._run: _Run | None = None
        self._step = 0

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        """Begin, or go on with, the run of this name."""
        with redirect_stdout(sys.stderr):
            # In a context of its own: else Trackio ends the current run once more at exit, aloud.
            self._run = copy_context().run(
                self._package.init,
                project=self._project,
                name=run_id,
                config=dict(config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One row."""
        assert self._run is not None
        self._step = step
        self._run.log(dict(values), step=step)

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """A text at the step that was logged last."""
        assert self._run is not None
        self._run.log({f"event/{kind}": json.dumps(dict(data))}, step=self._step)

    def close(self) -> None:
        """Finish the run."""
        run, self._run = self._run, None
        if run is not None:
            with redirect_stdout(sys.stderr):
                run.finish()
