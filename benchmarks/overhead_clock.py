"""Where the wall time of a run goes, seen from the thread that controls it.

Torch is not imported here, so that a run which loads it pays for it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar
from unittest.mock import patch

from orchestrator import controller as controlling
from orchestrator.config import RunConfig
from orchestrator.controller import Controller
from orchestrator.engine import Engine
from orchestrator.recorder import Recorder
from orchestrator.run_state import RunState
from orchestrator.stages.dispatch import Stage, stage_of
from orchestrator.telemetry import Telemetry, add_results
from state.results import Outcome
from state.tasks import Task

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Mark(NamedTuple):
    """A commit, and what the controller has spent on all since the one before it."""

    stage: str
    generation: int
    num_tasks: int
    cpu_seconds: float
    """Of the controlling thread; what an engine in the same thread computes is left out."""


class Span(NamedTuple):
    """A call, by place."""

    place: str
    begun: float
    ended: float


class Timeline:
    """The time of one run by place."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.spans: list[Span] = []
        self.marks: list[Mark] = []
        self.worked: list[tuple[float, float]] = []
        """Begin and end of each call of the engine."""
        self.telemetry = Telemetry()
        """What the workers did in those."""
        self.slot_seconds = 0.0
        self.busy_seconds = 0.0
        """Of the slots, tasks of several threads counted as often."""
        self._inside = False
        self._place = ("start", 0)
        self._num_tasks, self._cpu = 0, time.thread_time()

    def timed(self, place: str, call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """The same call on this clock; of nested ones the outermost counts."""

        @wraps(call)
        def measured(*given: Arguments.args, **named: Arguments.kwargs) -> Result:
            if self._inside:
                return call(*given, **named)
            self._inside, begun = True, time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                self._inside = False
                self.spans.append(Span(place, begun, time.perf_counter()))

        return measured

    def seconds(self, begin: float, end: float) -> dict[str, float]:
        """Of each place within a stretch."""
        found: defaultdict[str, float] = defaultdict(float)
        for place, begun, ended in self.spans:
            found[place] += max(0.0, min(ended, end) - max(begun, begin))
        return dict(found)

    def work(
        self, engine: Engine, tasks: Sequence[Task], should_stop: Callable[[], bool]
    ) -> list[Outcome]:
        """Run tasks and book who did what meanwhile."""
        begun, cpu = time.perf_counter(), time.thread_time()
        outcomes = engine.run(tasks, should_stop)
        ended = time.perf_counter()
        self._cpu += time.thread_time() - cpu
        self._num_tasks += len(outcomes)
        self.worked.append((begun, ended))
        self.telemetry = add_results(self.telemetry, [one.result for one in outcomes])
        self.slot_seconds += engine.slots * (ended - begun)
        threads = {task.task_id: getattr(task, "threads", 1) for task in tasks}
        for one in outcomes:
            own = add_results(Telemetry(), [one.result]).device_seconds
            self.busy_seconds += own * min(engine.slots, threads[one.result.task_id])
        return outcomes

    def stage_of(self, state: RunState, config: RunConfig) -> Stage:
        """The stage that acts on this state, on the clock."""
        self._place = (state.stage, state.generation)
        stage = stage_of(state, config)
        return Stage(
            self.timed("decisions", stage.open_work),
            self.timed("decisions", stage.pending),
            self.timed("decisions", stage.conclude),
        )

    def mark(self) -> None:
        """A commit was made of what the last stage did."""
        now = time.thread_time()
        self.marks.append(Mark(*self._place, self._num_tasks, now - self._cpu))
        self._num_tasks, self._cpu = 0, now


class TimedEngine:
    """An engine on a timeline."""

    def __init__(self, engine: Engine, timeline: Timeline) -> None:
        self.engine, self.timeline = engine, timeline
        self.slots = engine.slots

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        """See `Engine.run`."""
        return self.timeline.work(self.engine, tasks, should_stop)

    def close(self) -> None:
        """See `Engine.close`."""
        self.engine.close()


@contextmanager
def recorded() -> Iterator[Timeline]:
    """What is run within is on the timeline."""
    timeline = Timeline()
    changes = {
        (controlling, "stage_of"): timeline.stage_of,
        (Controller, "__init__"): _beginning(timeline),
        (Controller, "commit"): _committing(timeline),
    }
    for name in ("record_run", "record_outcomes", "record"):
        changes[Recorder, name] = timeline.timed("store and journals", getattr(Recorder, name))
    with ExitStack() as stack:
        for (owner, name), new in changes.items():
            stack.enter_context(patch.object(owner, name, new))
        yield timeline


def _beginning(timeline: Timeline) -> Callable[..., None]:
    begin = Controller.__init__

    def beginning(controller: Controller, *given: object, **named: object) -> None:
        begin(controller, *given, **named)  # type: ignore[arg-type]
        controller.engine = TimedEngine(controller.engine, timeline)

    return beginning


def _committing(timeline: Timeline) -> Callable[..., None]:
    commit = timeline.timed("commits", Controller.commit)

    def committing(controller: Controller, *, concluded: bool = False) -> None:
        commit(controller, concluded=concluded)
        timeline.mark()

    return committing
