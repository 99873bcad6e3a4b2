"""Ray: one actor a device slot. The only module that imports it."""

import logging
import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from orchestrator.task_runner import TaskRunner, failed
from state.tasks import Outcome, Task
from trainer.config import WorkerSetup

# Ray reads its settings when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")
# By default Ray gives its workers the lowest priority, and any other process starves them.
os.environ.setdefault("RAY_worker_niceness", "0")
# Ray listens on every interface whatever one asks for; without a token of our own it would write
# one that every user of the machine can read.
if os.environ["RAY_AUTH_MODE"] == "token" and "RAY_AUTH_TOKEN_PATH" not in os.environ:
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayActorError

# Only task records and metrics rows pass through the store; weights are files.
OBJECT_STORE_BYTES = 128 * 1024 * 1024
ATTEMPTS = 2
POLL_SECONDS = 0.5


Reference = ray.ObjectRef[Outcome]
Running = dict[Reference, tuple[int, int]]
"""Reference of each running task -> (its index, its slot)."""


@ray.remote(num_cpus=1, max_restarts=0)
class RemoteRunner(TaskRunner):
    """`TaskRunner` in a process of its own."""


class RayEngine:
    """A local Ray with `slots` actors. A dead actor is replaced and its task tried once more."""

    def __init__(self, setup: WorkerSetup, slots: int, address: str = "local") -> None:
        self.slots = slots
        self._setup = setup
        if not ray.is_initialized():
            _connect(slots, address)
        self._actors = [self._new_actor() for _ in range(slots)]

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        """See `Engine.run`. A task of several threads takes as many slots."""
        waiting = deque(enumerate(tasks))
        attempts = dict.fromkeys(range(len(tasks)), 0)
        outcomes: dict[int, Outcome] = {}
        running: Running = {}
        while waiting or running:
            if should_stop():
                waiting.clear()
            while waiting and self._fits(tasks, waiting[0][1], running):
                index, task = waiting.popleft()
                slot = self._free_slot(running)
                attempts[index] += 1
                running[self._actors[slot].run.remote(task)] = (index, slot)
            if not running:
                break
            done, _ = ray.wait(list(running), timeout=POLL_SECONDS)
            for reference in done:
                index, slot = running.pop(reference)
                outcome = self._collect(reference, slot, tasks[index], attempts[index])
                if outcome is None:
                    waiting.appendleft((index, tasks[index]))
                else:
                    outcomes[index] = outcome
        return [outcomes[index] for index in sorted(outcomes)]

    def close(self) -> None:
        """Stop the actors and Ray itself."""
        self._actors = []
        if ray.is_initialized():
            ray.shutdown()

    def _new_actor(self) -> ActorHandle[TaskRunner]:
        handle: ActorHandle[TaskRunner] = RemoteRunner.remote(self._setup)  # type: ignore[attr-defined]
        return handle

    def _fits(self, tasks: Sequence[Task], task: Task, running: Running) -> bool:
        taken = sum(self._width(tasks[index]) for index, _ in running.values())
        return taken + self._width(task) <= self.slots

    def _width(self, task: Task) -> int:
        return min(self.slots, getattr(task, "threads", 1))

    def _free_slot(self, running: Running) -> int:
        busy = {slot for _, slot in running.values()}
        return next(slot for slot in range(self.slots) if slot not in busy)

    def _collect(self, reference: Reference, slot: int, task: Task, attempt: int) -> Outcome | None:
        """The outcome; None asks for another attempt on a new actor."""
        try:
            outcome: Outcome = ray.get(reference)
        except RayActorError as error:
            self._actors[slot] = self._new_actor()
            if attempt < ATTEMPTS:
                return None
            reason = str(error).splitlines()[0]
            return Outcome(result=failed(task, f"worker died {attempt} times: {reason}"))
        return outcome


def _connect(slots: int, address: str) -> None:
    if address != "local":
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        return
    ray.init(
        address="local",
        num_cpus=slots,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
