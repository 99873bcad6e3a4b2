"""Every state of a run, had again: the stages asked for their tasks, the journal for the results.

Task ids are unique within a stage. Over a run they are not: an extension may open the test split
again, or drop a generation that was open. So results are taken in the order of the journal, and
each must be the answer to what the stage asks for at that point.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, assert_never

from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.extension import extend
from orchestrator.intervention import (
    Intervention,
    Place,
    first_configuration,
    place_of,
    with_settings,
)
from orchestrator.phases import phases_of
from orchestrator.replay.change import apply_change
from orchestrator.replay.journal import Row, committed_rows, require_this_battery
from orchestrator.run_state import RunState, first_state
from orchestrator.stages.conclusion import Conclusion, concluded, with_results
from orchestrator.stages.dispatch import Stage, stage_of
from state.commit import CommitRecord
from state.results import TaskResult
from state.run_folder import RunFolder
from state.tasks import Task

# What a stage function may raise when its results are not those of the run.
STAGE_ERRORS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)


class ReplayError(ValueError):
    """The journal and the stages disagree about what comes next."""


class Boundary(NamedTuple):
    """A stage about to plan its work: a place from which a run can be forked."""

    config: RunConfig
    state: RunState
    num_rows: int
    """Rows of the journal that lie before it."""


class Played(NamedTuple):
    """A stage from its plan to its conclusion."""

    start: Boundary
    config: RunConfig
    before: RunState
    """With every result of the stage."""
    conclusion: Conclusion
    after: RunState
    tasks: tuple[Task, ...]
    """In the order in which their results came in."""
    results: tuple[TaskResult, ...]


class Replay:
    """A run that is played again up to the place where its commit left it."""

    def __init__(self, config: RunConfig, rows: Sequence[Row], end: Place) -> None:
        """`config` is the run's last one; the interventions among `rows` say what it was."""
        changes = tuple(row for row in rows if isinstance(row, Intervention))
        self.config = first_configuration(config, changes)
        self.rows = rows
        self.end = end
        self.state = first_state(self.config, "replay")
        self.num_rows = 0
        """Rows that were taken so far."""
        self.boundary = Boundary(self.config, self.state, 0)
        """The last one that was passed, or where the replay stands."""
        self._tasks: list[Task] = []
        self._results: list[TaskResult] = []

    @classmethod
    def of(cls, folder: RunFolder, record: CommitRecord) -> "Replay":
        """The replay of a run up to a commit.

        Raises:
            ValueError: the results are incomplete or damaged.
        """
        saved, rows = restore(record), committed_rows(folder, record)
        require_this_battery(folder, rows)
        return cls(saved.config, rows, place_of(saved.run))

    def stages(self) -> Iterator[Played]:
        """The stages as they concluded; then `state` is the state of the commit.

        Raises:
            ReplayError: the results are not those that the stages ask for.
        """
        while not self._ended():
            if self._changed():
                continue
            played = self._go_on()
            if played is not None:
                yield played

    def _ended(self) -> bool:
        return self.num_rows == len(self.rows) and place_of(self.state) == self.end

    def _changed(self) -> bool:
        """Take the branch that a person took at this place."""
        row = self._next_row()
        if not isinstance(row, Intervention) or row.place != place_of(self.state):
            return False
        with self._guarded():
            match row.kind:
                case "extended":
                    self.config, self.state, _ = extend(self.config, self.state, _budget_after(row))
                case "forked":
                    self.config, self.state = apply_change(self.config, self.state, row.after)
                case "waived":
                    self.config = with_settings(self.config, row.after)
                case _:
                    assert_never(row.kind)
        self.num_rows += 1
        self._mark()
        return True

    def _go_on(self) -> Played | None:
        if self.state.status == "finished":
            raise ReplayError(
                f"the replayed run is finished after {self.num_rows} of {len(self.rows)} rows; "
                f"the commit stands {_in_words(self.end, self.config)}"
            )
        stage = stage_of(self.state, self.config)
        with self._guarded():
            if self.state.work is None:
                self._mark()
                self.state = stage.open_work(self.state, self.config)
                return None
            tasks = stage.pending(self.state, self.config)
            if not tasks:
                return self._conclude(stage)
        self._absorb(tasks)
        return None

    def _mark(self) -> None:
        """Remember where a stage begins, and forget what the one before had."""
        if self.state.work is None:
            self.boundary = Boundary(self.config, self.state, self.num_rows)
            self._tasks, self._results = [], []

    def _absorb(self, tasks: tuple[Task, ...]) -> None:
        asked = {task.task_id: task for task in tasks}
        results: list[TaskResult] = []
        while (row := self._answer(asked)) is not None:
            self._tasks.append(asked.pop(row.task_id))
            results.append(row)
            self.num_rows += 1
        if not results:
            raise ReplayError(self._gap(tasks[0]))
        self._results += results
        self.state = with_results(self.state, results)

    def _conclude(self, stage: Stage) -> Played:
        before = self.state
        conclusion = stage.conclude(before, self.config)
        self.state = concluded(before, conclusion)
        tasks, results = tuple(self._tasks), tuple(self._results)
        played = Played(self.boundary, self.config, before, conclusion, self.state, tasks, results)
        self._mark()
        return played

    def _next_row(self) -> Row | None:
        return self.rows[self.num_rows] if self.num_rows < len(self.rows) else None

    def _answer(self, asked: dict[str, Task]) -> TaskResult | None:
        """The next row, if it answers one of the tasks."""
        row = self._next_row()
        if row is None or isinstance(row, Intervention) or row.task_id not in asked:
            return None
        return row if row.kind == asked[row.task_id].kind else None

    def _gap(self, task: Task) -> str:
        row, line = self._next_row(), self.num_rows + 1
        where = _in_words(place_of(self.state), self.config)
        if row is None:
            return f"results.jsonl ends before {task.task_id}, which is asked for {where}"
        found = row.kind if isinstance(row, Intervention) else f"{row.task_id} ({row.kind})"
        asked = f"{task.task_id} ({task.kind})"
        return f"results.jsonl line {line} is {found} where {asked} is asked for {where}"

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except STAGE_ERRORS as error:
            where = _in_words(place_of(self.state), self.config)
            text = " ".join(str(error).split()) or type(error).__name__
            raise ReplayError(f"the results cannot be used {where}: {text}") from error


def _budget_after(row: Intervention) -> int:
    budget = row.after["budget"]
    assert isinstance(budget, int)
    return budget


def _in_words(place: Place, config: RunConfig) -> str:
    phases = phases_of(config)
    name = phases[place.phase_index].name if place.phase_index < len(phases) else "the controls"
    stage = place.stage.replace("_", " ")
    return f"at generation {place.generation}, in the {stage} stage of {name}"
