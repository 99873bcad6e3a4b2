"""Workers on several machines: how tasks reach them, and what becomes of a lost one's seat."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.courier import Courier, require_same_packages
from orchestrator.guest import Delivery, Greeting, Missing
from orchestrator.patience import Patience
from orchestrator.task_runner import TaskRunner
from orchestrator.workers import (
    Greetings,
    Reference,
    Worker,
    WorkerDied,
    answer_of,
    dismiss,
    done_within,
    known,
    new_worker,
    node_answers,
    put,
)
from state.results import Outcome
from state.tasks import Task
from trainer.config import WorkerSetup

FORGIVEN = 5
"""Machines that may be lost under one task before its failures count as its own."""


class Away:
    """The seats of an engine in a cluster. A seat whose machine is lost stays empty until Ray has
    a place for another worker; the others go on meanwhile.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        runner: type[TaskRunner],
        slots: int,
        address: str,
        patience: Patience,
    ) -> None:
        self._setup, self._runner = setup, runner
        self._slots, self._address, self._patience = slots, address, patience
        self._courier = Courier(setup, put)
        self._greetings: dict[int, Greeting] = {}
        self._sought: dict[int, tuple[Worker, Greetings]] = {}
        self._lost_under: Counter[str] = Counter()
        self._empty_since: float | None = None

    def meet(self, workers: Sequence[Worker]) -> None:
        """Hear from the first workers where they are; those that were before are forgotten.

        Raises:
            RuntimeError: one of them has other packages, or is gone already.
        """
        self._sought = {}
        asked = [one.greet.remote(*self._courier.mark, self._setup) for one in workers]
        try:
            for slot, reference in enumerate(asked):
                self._hear(slot, reference)
        except WorkerDied as error:
            raise RuntimeError(f"a worker of Ray at {self._address} died: {error}") from error

    def close(self) -> None:
        """Leave nothing behind in the run's folder."""
        self._courier.close()

    def send(self, slot: int, worker: Worker, task: Task, lacks: Sequence[str] = ()) -> Reference:
        """Begin the task, wherever the run's folder is; `lacks` names what goes with it."""
        greeting = self._greetings[slot]
        if greeting.shares_disk:
            reference: Reference = worker.run.remote(self._runner, self._setup, task)
            return reference
        if not lacks and (outcome := self._courier.remembered(task, greeting.context)):
            return known(outcome)
        errand = self._courier.errand(task, lacks)
        away: Reference = worker.run_away.remote(self._runner, self._setup, task, errand)
        return away

    def opened(
        self, slot: int, worker: Worker, task: Task, answer: Outcome | Delivery | Missing
    ) -> "Outcome | Reference":
        """The outcome; or, where a worker lacked something, the task on its way again."""
        match answer:
            case Outcome():
                return answer
            case Missing():
                return self.send(slot, worker, task, answer.names)
            case _:
                return self._courier.received(task, self._greetings[slot].context, answer)

    def forgives(self, slot: int, task: Task) -> bool:
        """It was the machine's fault that a worker was lost, not the task's."""
        if node_answers(self._greetings[slot].node):
            return False
        self._lost_under[task.task_id] += 1
        return self._lost_under[task.task_id] <= FORGIVEN

    def seek(self, slot: int) -> None:
        """Ask Ray for another worker, unless that was done."""
        if slot not in self._sought:
            worker = new_worker(self._address, self._slots)
            greeting = worker.greet.remote(*self._courier.mark, self._setup)
            self._sought[slot] = (worker, greeting)

    def found(self) -> Iterable[tuple[int, Worker]]:
        """The workers that have come since, with their seats."""
        for slot, (worker, greeting) in list(self._sought.items()):
            if done_within(0, [greeting]):
                del self._sought[slot]
                try:
                    self._hear(slot, greeting)
                except WorkerDied:
                    dismiss(worker)
                    continue
                self._empty_since = None
                yield slot, worker

    def wait(self, seconds: float) -> None:
        """Wait for a worker where there is none left.

        Raises:
            RuntimeError: that has been so for too long.
        """
        now = time.monotonic()
        if self._empty_since is None:
            self._empty_since = now
        if now - self._empty_since > self._patience.start_seconds:
            raise RuntimeError(
                f"Ray at {self._address} has had no place for a worker for "
                f"{self._patience.start_seconds:.0f} s; give it nodes, then resume"
            )
        done_within(seconds, [greeting for _, greeting in self._sought.values()])

    def _hear(self, slot: int, reference: Greetings) -> None:
        greeting = answer_of(reference)
        require_same_packages(greeting, self._address)
        self._greetings[slot] = greeting
