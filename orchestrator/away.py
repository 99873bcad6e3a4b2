"""Workers on several machines: how tasks reach them, and what becomes of a lost one's seat."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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


class Sent(NamedTuple):
    """What a worker was given, and whether it goes on from nothing saved."""

    tasks: Sequence[Task]
    anew: bool


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
        self._sent: dict[int, Sent] = {}
        """By seat, what it was given last."""
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

    def send(self, slot: int, worker: Worker, tasks: Sequence[Task], *, anew: bool) -> Reference:
        """Begin the tasks, wherever the run's folder is."""
        greeting, sent = self._greetings[slot], Sent(tasks, anew)
        self._sent[slot] = sent
        if greeting.shares_disk:
            reference: Reference = worker.run_job.remote(
                self._runner, self._setup, tasks, anew=anew
            )
            return reference
        outcomes = self._courier.remembered(tasks, greeting.context)
        return self._begun(worker, sent, ()) if outcomes is None else known(outcomes)

    def opened(
        self, slot: int, worker: Worker, answer: list[Outcome] | Delivery | Missing
    ) -> "list[Outcome] | Reference":
        """The outcomes; or, where a worker lacked something, the tasks on their way again."""
        sent = self._sent[slot]
        match answer:
            case list():
                return answer
            case Missing():
                return self._begun(worker, sent, answer.names)
            case _:
                context = self._greetings[slot].context
                return self._courier.received(sent.tasks, context, answer)

    def forgives(self, slot: int) -> bool:
        """It was the machine's fault that a worker was lost, not that of what it was given."""
        if node_answers(self._greetings[slot].node):
            return False
        first = self._sent[slot].tasks[0].task_id
        self._lost_under[first] += 1
        return self._lost_under[first] <= FORGIVEN

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

    def _begun(self, worker: Worker, sent: Sent, lacks: Sequence[str]) -> Reference:
        errand = self._courier.errand(sent.tasks, lacks)
        reference: Reference = worker.run_away.remote(
            self._runner, self._setup, sent.tasks, errand, anew=sent.anew
        )
        return reference

    def _hear(self, slot: int, reference: Greetings) -> None:
        greeting = answer_of(reference)
        require_same_packages(greeting, self._address)
        self._greetings[slot] = greeting
