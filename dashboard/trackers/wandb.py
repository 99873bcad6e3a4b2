"""Weights & Biases."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Literal, Protocol

from pydantic import JsonValue

from dashboard.trackers.protocol import required_package

Mode = Literal["offline", "online"]


class _Run(Protocol):
    """What is used of wandb's class of that name."""

    summary: MutableMapping[str, object]

    def define_metric(self, name: str, step_metric: str | None = None) -> object: ...
    def log(self, data: dict[str, float]) -> None: ...
    def finish(self) -> None: ...


class WeightsAndBiases:
    """One run of W&B for each run, continued under its own id after a resumption.

    Offline by default: files in `folder` that `wandb sync` uploads, and no word to any server. The
    folder is not the run's own: wandb leaves symbolic links there, which a run refuses.
    Series are drawn over a `step` of their own, since W&B's step counts calls and never falls.
    """

    def __init__(self, folder: Path, *, project: str, mode: Mode = "offline") -> None:
        """
        Raises:
            ValueError: the package wandb is missing.
        """
        self._package = required_package("wandb")
        self._folder, self._project, self._mode = folder, project, mode
        self._run: _Run | None = None

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        """Begin, or go on with, the run of this id."""
        self._folder.mkdir(parents=True, exist_ok=True)
        run: _Run = self._package.init(
            project=self._project,
            id=run_id,
            name=run_id,
            config=dict(config),
            dir=str(self._folder),
            mode=self._mode,
            resume="allow",
            settings={"silent": True},
        )
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
        self._run = run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One row."""
        assert self._run is not None
        self._run.log({**values, "step": step})

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """In the run's summary, which keeps the last event of each kind."""
        assert self._run is not None
        self._run.summary[f"event/{kind}"] = dict(data)

    def close(self) -> None:
        """Finish the run."""
        run, self._run = self._run, None
        if run is not None:
            run.finish()
