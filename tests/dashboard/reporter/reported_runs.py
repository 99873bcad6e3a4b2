"""Runs that grow, are killed and go on as real ones do, and what their own stores hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from orchestrator.commits import restore
from state import schema, wire
from state.commit import load_commit
from state.database import open_engine
from state.records import StepMetrics
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import Task, TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, make_config

Rows = dict[str, dict[str, Any]]


class TimedEngine(ScriptedEngine):
    """Its rows say how long a step took, which is another time in each life; `rows_a_task` of
    them come from a task, and `between` is called between two tasks.
    """

    def __init__(self, folder: Path, between: Callable[[], None], rows_a_task: int) -> None:
        super().__init__(folder)
        self.life = 0
        self._between, self._rows_a_task = between, rows_a_task

    def answer(self, task: Task) -> Outcome:
        self._between()
        return super().answer(task)

    def rows(self, task: TrainingTask, loss: float) -> tuple[StepMetrics, ...]:
        (last,) = super().rows(task, loss) or (None,)
        if last is None:
            return ()
        first = max(task.first_step, last.step - self._rows_a_task + 1)
        return tuple(
            last.model_copy(update={"step": step, "ms_per_step": step + self.life / 3})
            for step in range(first, last.step + 1)
        )


class LivingRun:
    """A scripted run that can be killed at any task and goes on from its commit."""

    def __init__(
        self,
        folder: Path,
        *,
        budget: int = 60,
        rows_a_task: int = 3,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = TimedEngine(folder, between, rows_a_task)
        self._run = ScriptedRun(folder, make_config(budget=budget), self.engine)
        self.folder: RunFolder = self._run.folder

    def live(self, num_tasks: int | None = None) -> None:
        """From the last commit to the end, or until it is killed in its `num_tasks`-th task."""
        self.engine.life += 1
        self.engine.calls = 0
        self.engine.crash_at = num_tasks
        try:
            if self.folder.state.exists():
                record = load_commit(self.folder).record
                self._run.play(restore(record).run, record.journal_bytes)
            else:
                self._run.play()
        except KeyboardInterrupt:
            assert num_tasks is not None


def rows_of(folder: RunFolder) -> dict[str, Rows]:
    """Every row of a run's own store as a server is to have it, by table and key."""
    engine, found = open_engine(folder.metrics_db, writer=False), {}
    with engine.connect() as connection:
        for name, table in wire.TABLES.items():
            listed = [dict(row) for row in connection.execute(select(table)).mappings()]
            found[name] = {
                json.dumps([row[column.name] for column in table.primary_key]): plain(name, row)
                for row in listed
            }
    engine.dispose()
    return found


def plain(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Without what is NULL, and without what a server knows better."""
    known = {"status", "updated_at"} if name == schema.RUNS.name else set()
    stays = {key: value for key, value in row.items() if value is not None and key not in known}
    decoded: dict[str, Any] = json.loads(json.dumps(stays))
    return decoded


def same(found: dict[str, Rows], folder: RunFolder) -> None:
    """Fail where a server lacks a row, has one too many, or another one."""
    expected = rows_of(folder)
    for name, rows in expected.items():
        mine = {key: plain(name, row) for key, row in found[name].items()}
        assert mine.keys() == rows.keys(), name
        assert mine == rows, name
