"""What a child of the kill test changes in itself before it runs the program.

Snapshots are taken every few steps, so that they exist in runs of seconds, and each training step
is written down where no kill can undo it.
"""

import os
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from orchestrator.config import RunConfig
from orchestrator.engine import Engine, InlineEngine
from orchestrator.resolve import resolve_engine, worker_setup
from orchestrator.task_runner import TaskRunner
from state.records import StepMetrics
from state.run_folder import RunFolder
from trainer.config import WorkerSetup

SNAPSHOT_STEPS = 4
LOG = "SYMBIO_AUTO_STEP_LOG"
"""Environment variable: the step log. Workers inherit it from the controller."""

StepKey = tuple[str, str, str]
"""Generation, member and number of a step: a run without a kill takes each once."""


class Step(NamedTuple):
    """One step that was taken."""

    pid: int
    at: float
    """time.monotonic() at its end; one clock for all processes of a machine."""
    key: StepKey


class Cost(NamedTuple):
    """What a kill cost."""

    repeated_steps: int
    first_new_at: float | None
    """When the first step ended that had not been taken before; None where none was left."""


class LoggedRunner(TaskRunner):
    """A worker that logs its steps."""

    def __init__(self, setup: WorkerSetup) -> None:
        super().__init__(setup)
        log_steps(Path(os.environ[LOG]))


def instrumented(work: Callable[[], int], log: Path | None = None) -> Callable[[], int]:
    """`work` for a child process: frequent snapshots, and a step log if one is wanted."""

    def working() -> int:
        from orchestrator import session

        session.build_engine = build_engine
        if log is not None:
            os.environ[LOG] = str(log)
        return work()

    return working


def build_engine(config: RunConfig, folder: RunFolder) -> Engine:
    """The engine of `orchestrator.session` with more snapshots; its workers log if that is on."""
    setup = worker_setup(config, folder)
    setup = setup.model_copy(update={"snapshot_steps": SNAPSHOT_STEPS, "snapshot_seconds": 0.0})
    engine = resolve_engine(config.engine)
    if engine.engine == "inline":
        if LOG in os.environ:
            log_steps(Path(os.environ[LOG]))
        return InlineEngine(setup)
    from orchestrator.ray_engine import RayEngine

    return RayEngine(setup, engine.workers or 1, runner=LoggedRunner)


def log_steps(path: Path) -> None:
    """From here on this process writes a line after each training step."""
    from trainer.training import Chunk

    take = Chunk.step
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def step(chunk: Chunk, index: int) -> StepMetrics:
        row = take(chunk, index)
        fields = (os.getpid(), time.monotonic(), row.generation, row.member_id, row.step)
        os.write(descriptor, ("\t".join(map(str, fields)) + "\n").encode())
        return row

    Chunk.step = step  # type: ignore[method-assign, assignment]


def read_steps(path: Path) -> list[Step]:
    """The log, in the order in which the steps ended."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [line.split("\t") for line in lines]
    return [Step(int(row[0]), float(row[1]), (row[2], row[3], row[4])) for row in rows]


def cost(steps: Sequence[Step], begin: int, end: int, dead: Set[int]) -> Cost:
    """What was done again between the kill after `begin` steps and the next one.

    What processes in `dead` still did after the kill counts as done before it.
    """
    before = {step.key for n, step in enumerate(steps) if n < begin or step.pid in dead}
    after = [step for step in steps[begin:end] if step.pid not in dead]
    return Cost(
        repeated_steps=sum(step.key in before for step in after),
        first_new_at=next((step.at for step in after if step.key not in before), None),
    )
