"""The engine whose workers are processes of Ray: what is done when they die or hang."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import psutil

from orchestrator.ahead import Ahead
from orchestrator.assignments import Assignments
from orchestrator.patience import Pace, Patience
from orchestrator.ray_head import Head
from orchestrator.task_runner import TaskRunner, failed
from orchestrator.workers import (
    Answer,
    Crew,
    Loading,
    Reference,
    Worker,
    WorkerDied,
    answer_of,
    dismiss,
    done_within,
    new_workers,
    open_crew,
    shut_down,
    take_ahead,
    wait_for,
)
from state.progress import SILENT, Reporter
from state.results import Outcome
from state.tasks import Task
from trainer import shortage
from trainer.config import WorkerSetup
from trainer.stacked.grouping import groups

if TYPE_CHECKING:
    from orchestrator.away import Away

ATTEMPTS = 2
POLL_SECONDS = 0.5

Running = Assignments[Reference]


class RayEngine:
    """`slots` actors in a Ray of its own, or in one that runs at `address`.

    An actor is given one task at a time, or a stack of them where they are stacked. What a task
    itself raises is its result. A worker that dies, hangs or runs out of memory is replaced and
    its task tried once more; a stack whose workers die comes apart. A local Ray whose head dies is
    started again, once before a task ends again.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        slots: int,
        address: str = "local",
        *,
        patience: Patience | None = None,
        runner: type[TaskRunner] = TaskRunner,
        progress: Reporter = SILENT,
    ) -> None:
        """Raises RuntimeError where no Ray answers or it has no room for the actors."""
        self.slots = slots
        self._setup, self._address, self._runner = setup, address, runner
        self._patience = patience or Patience()
        self._pace, self._progress = Pace(self._patience), progress
        self._started_again = False
        self._actors: list[Worker | None] = []
        self._processes: list[psutil.Process] = []
        self._ahead: Ahead[Crew] | None = None
        self._unloaded: list[Worker] = []
        self._loading: list[Loading] = []
        self._away = _away(setup, runner, slots, address, self._patience)
        try:
            with progress.work("starting Ray"):
                self._head = self._open()
        except RuntimeError:
            self.close()
            raise

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        """See `Engine.run`. What still runs some seconds after a stop is given up."""
        if tasks and not should_stop():
            self._load(len(tasks))
        batch = Running(tasks, self.slots, groups(tasks, self._setup, self.slots))
        stopping_seconds = 0.0
        while True:
            if stopping := should_stop():
                batch.waiting.clear()
            self._start(batch)
            if not batch.running and not batch.waiting:
                break
            seconds = self._wait(batch)
            stopping_seconds += seconds if stopping else 0.0
            if stopping_seconds > self._patience.stop_seconds:
                self._abandon(batch)
                break
            self._give_up_hanging(batch, seconds)
            if self._head.is_gone():
                self._start_again(batch)
        return batch.in_order()

    def close(self) -> None:
        """Stop the actors and Ray itself, and whatever of it does not end by itself."""
        self._actors = []
        if self._away is not None:
            self._away.close()
        shut_down(self._processes)
        self._processes = []
        if self._ahead is not None:
            self._ahead.end()

    # ---- tasks

    def _start(self, batch: Running) -> None:
        while (slot := batch.next_slot(self._empty_seats())) is not None and self._seated(slot):
            tasks = batch.next_tasks()
            limit = sum(map(self._pace.limit_seconds, tasks))
            batch.start(self._send(slot, tasks, anew=batch.begins_anew()), slot, limit)
        if batch.running:
            self._load_others()

    def _wait(self, batch: Running) -> float:
        """Collect what ends within a poll; returns the seconds that were waited.

        Never more than a poll or two: time in which the whole machine slept is nobody's hanging.
        """
        began = time.monotonic()
        if self._away is not None and not batch.running:
            self._away.wait(POLL_SECONDS)
        for reference in done_within(POLL_SECONDS, list(batch.running)):
            self._settle(batch, reference)
        return min(max(0.0, time.monotonic() - began), 2 * POLL_SECONDS)

    def _settle(self, batch: Running, reference: Reference) -> None:
        tasks, slot = batch.job(reference), batch.running[reference].slot
        try:
            outcomes = self._opened(slot, answer_of(reference))
        except WorkerDied as error:
            self._try_again(batch, reference, f"worker died: {error}")
            return
        if not isinstance(outcomes, list):
            batch.exchange(reference, outcomes)
            return
        short = [error for error in map(_error, outcomes) if error.startswith(shortage.NAMES)]
        if len(outcomes) == len(short) == 1:
            self._try_again(batch, reference, f"worker ran out of memory: {short[0]}")
            return
        if short:
            self._kill(slot)
        ended = [None if _error(one) in short else one for one in outcomes]
        for task, outcome in zip(tasks, outcomes, strict=True):
            self._pace.learn(task, outcome)
        self._started_again = False
        batch.end(reference, ended)

    def _give_up_hanging(self, batch: Running, seconds: float) -> None:
        for reference, attempt in list(batch.running.items()):
            attempt.waited_seconds += seconds
            if attempt.hangs:
                reason = f"worker hung: no result after {attempt.limit_seconds:.0f} s"
                self._try_again(batch, reference, reason)

    def _try_again(self, batch: Running, reference: Reference, reason: str) -> None:
        if self._head.is_gone():
            batch.put_back(reference, counts=False)
            return
        attempt, tasks = batch.running[reference], batch.job(reference)
        forgiven = self._away is not None and self._away.forgives(attempt.slot)
        self._kill(attempt.slot)
        count = batch.attempts_of(reference)
        if forgiven:
            batch.put_back(reference, counts=False)
        elif count < ATTEMPTS:
            batch.put_back(reference, counts=True)
        elif len(tasks) > 1:
            batch.take_apart(reference)
        else:
            error = f"{reason} ({count} attempts)"
            batch.end(reference, [Outcome(result=failed(tasks[0], error))])

    def _abandon(self, batch: Running) -> None:
        for attempt in batch.running.values():
            self._kill(attempt.slot)

    # ---- workers

    def _send(self, slot: int, tasks: Sequence[Task], *, anew: bool) -> Reference:
        actor = self._actors[slot]
        assert actor is not None
        if self._away is not None:
            return self._away.send(slot, actor, tasks, anew=anew)
        reference: Reference = actor.run_job.remote(self._runner, self._setup, tasks, anew=anew)
        return reference

    def _opened(self, slot: int, answer: Answer) -> "list[Outcome] | Reference":
        if self._away is not None:
            return self._away.opened(slot, self._actors[slot], answer)
        assert isinstance(answer, list)
        return answer

    def _empty_seats(self) -> frozenset[int]:
        """Those for which Ray has no place in its cluster just now; here there always is one."""
        if self._away is None:
            return frozenset()
        for slot, worker in self._away.found():
            self._actors[slot] = worker
        empty = frozenset(slot for slot in range(self.slots) if self._actors[slot] is None)
        for slot in empty:
            self._away.seek(slot)
        return empty

    def _seated(self, slot: int) -> bool:
        """The seat has a worker. It has none where Ray itself died while one started."""
        if self._actors[slot] is not None:
            return True
        try:
            (self._actors[slot],) = new_workers(1, self._address, self._patience.start_seconds)
        except RuntimeError:
            if not self._head.is_gone():
                raise
            return False
        return True

    def _load(self, count: int) -> None:
        """Wait until the workers of the first `count` tasks have torch: tasks alone can hang."""
        needed, self._unloaded = self._unloaded[: count - 1], self._unloaded[count - 1 :]
        loading = [*self._loading, *(worker.load.remote() for worker in needed)]
        self._loading = []
        if loading:
            wait_for(loading, self._patience.start_seconds)

    def _load_others(self) -> None:
        """Workers that have no task yet load while others work."""
        for worker in self._unloaded:
            worker.load.remote()
        self._unloaded = []

    def _kill(self, slot: int) -> None:
        actor, self._actors[slot] = self._actors[slot], None
        if actor is not None:
            dismiss(actor)

    # ---- Ray itself

    def _open(self) -> Head:
        self._ahead = take_ahead(self.slots, self._address)
        crew = self._ahead.result() if self._ahead else self._new_crew()
        self._actors, self._processes = [*crew.workers], crew.processes
        self._loading, self._unloaded = [crew.loading], crew.workers[1:]
        if self._away is not None:
            self._away.meet(crew.workers)
        return crew.head

    def _new_crew(self) -> Crew:
        return open_crew(self.slots, self._address, self._patience.start_seconds)

    def _start_again(self, batch: Running) -> None:
        """Nothing is lost: tasks that ran go back without having had an attempt."""
        if self._address != "local":
            raise RuntimeError(f"Ray at {self._address} is gone; start it and resume")
        if self._started_again:
            raise RuntimeError("Ray died again before a task ended; its logs say why; resume")
        self._started_again = True
        for reference in list(batch.running):
            batch.put_back(reference, counts=False)
        self.close()
        with self._progress.work("starting Ray again"):
            self._head = self._open()


def _error(outcome: Outcome) -> str:
    return outcome.result.error or ""


def _away(
    setup: WorkerSetup, runner: type[TaskRunner], slots: int, address: str, patience: Patience
) -> "Away | None":
    """What a cluster needs besides; None on this machine alone."""
    if address == "local":
        return None
    from orchestrator.away import Away

    return Away(setup, runner, slots, address, patience)
