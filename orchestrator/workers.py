"""Ray: one actor a device slot. The only module that imports it."""

import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from orchestrator.assignments import Assignments
from orchestrator.patience import Pace, Patience
from orchestrator.ray_head import Head, LocalHead, RemoteHead, answers, descendants
from orchestrator.task_runner import TaskRunner, failed
from state.progress import SILENT, Reporter
from state.results import Outcome
from state.tasks import Task
from trainer.config import WorkerSetup

# Ray reads its settings when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")
# By default Ray gives its workers the lowest priority, and any other process starves them.
os.environ.setdefault("RAY_worker_niceness", "0")

import ray
from ray.actor import ActorHandle
from ray.exceptions import AuthenticationError, RayError, RayTaskError

# Only task records and metrics rows pass through the store; weights are files.
OBJECT_STORE_BYTES = 128 * 1024 * 1024
ATTEMPTS = 2
POLL_SECONDS = 0.5
HOST_AND_PORT = re.compile(r"[^/]+:\d+")
OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError")

Reference = ray.ObjectRef[Outcome]
Running = Assignments[Reference]


class RayEngine:
    """`slots` actors in a Ray of its own, or in one that runs at `address`.

    What a task itself raises is its result. A worker that dies, hangs or runs out of memory is
    replaced and its task tried once more. A local Ray whose head dies is started again, once
    before a task ends again.
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
        self._actors: list[ActorHandle[TaskRunner] | None] = []
        self._processes: list[psutil.Process] = []
        try:
            with progress.work("starting Ray"):
                self._head = self._open()
        except RuntimeError:
            self.close()
            raise

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        """See `Engine.run`. What still runs some seconds after a stop is given up."""
        batch = Running(tasks, self.slots)
        stopping_seconds = 0.0
        while True:
            if stopping := should_stop():
                batch.waiting.clear()
            self._start(batch)
            if not batch.running:
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
        if ray.is_initialized():
            ray.shutdown()
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._processes = []

    # ---- tasks

    def _start(self, batch: Running) -> None:
        while (slot := batch.next_slot()) is not None:
            task = batch.tasks[batch.waiting[0]]
            limit = self._pace.limit_seconds(task)
            batch.start(self._actor(slot).run.remote(task), slot, limit)

    def _wait(self, batch: Running) -> float:
        """Collect what ends within a poll; returns the seconds that were waited.

        Never more than a poll or two: time in which the whole machine slept is nobody's hanging.
        """
        began = time.monotonic()
        done, _ = ray.wait(list(batch.running), timeout=POLL_SECONDS)
        for reference in done:
            self._settle(batch, reference)
        return min(max(0.0, time.monotonic() - began), 2 * POLL_SECONDS)

    def _settle(self, batch: Running, reference: Reference) -> None:
        try:
            outcome: Outcome = ray.get(reference)
        except RayTaskError as error:
            # A full disk or a damaged object: what concerns the whole run ends it.
            raise error.cause from None
        except RayError as error:
            self._try_again(batch, reference, f"worker died: {_first_line(error)}")
            return
        if (outcome.result.error or "").startswith(OUT_OF_MEMORY):
            self._try_again(batch, reference, f"worker ran out of memory: {outcome.result.error}")
            return
        self._pace.learn(batch.task(reference), outcome)
        self._started_again = False
        batch.end(reference, outcome)

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
        attempt = batch.running[reference]
        self._kill(attempt.slot)
        count = batch.attempts[attempt.index]
        if count < ATTEMPTS:
            batch.put_back(reference, counts=True)
        else:
            error = f"{reason} ({count} attempts)"
            batch.end(reference, Outcome(result=failed(batch.task(reference), error)))

    def _abandon(self, batch: Running) -> None:
        for attempt in batch.running.values():
            self._kill(attempt.slot)

    # ---- workers

    def _actor(self, slot: int) -> ActorHandle[TaskRunner]:
        actor = self._actors[slot]
        if actor is None:
            actor = self._actors[slot] = self._new_actor()
            self._require_ready([actor])
        return actor

    def _new_actor(self) -> ActorHandle[TaskRunner]:
        remote = ray.remote(num_cpus=1, max_restarts=0)(self._runner)
        handle: ActorHandle[TaskRunner] = remote.remote(self._setup)  # type: ignore[assignment]
        return handle

    def _kill(self, slot: int) -> None:
        actor, self._actors[slot] = self._actors[slot], None
        if actor is not None:
            ray.kill(actor)

    def _require_ready(self, actors: list[ActorHandle[TaskRunner]]) -> None:
        seconds = self._patience.start_seconds
        answers: list[ray.ObjectRef[None]] = [one.__ray_ready__.remote() for one in actors]
        ready, missing = ray.wait(answers, num_returns=len(answers), timeout=seconds)
        if missing:
            raise RuntimeError(
                f"Ray at {self._address} started {len(ready)} of {len(actors)} workers within "
                f"{seconds:.0f} s; give it {self.slots} free CPUs or lower --workers, then resume"
            )
        try:
            ray.get(ready)
        except RayError as error:
            raise RuntimeError(
                f"a worker cannot start in Ray at {self._address}: {_first_line(error)}"
            ) from error

    # ---- Ray itself

    def _open(self) -> Head:
        before = descendants()
        if not ray.is_initialized():
            _connect(self.slots, self._address)
        local = self._address == "local"
        address = str(ray.get_runtime_context().gcs_address)
        head: Head = LocalHead() if local else RemoteHead(address)
        actors = [self._new_actor() for _ in range(self.slots)]
        self._require_ready(actors)
        self._actors = [*actors]
        self._processes = [one for one in descendants() if one not in before]
        return head

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


@contextmanager
def brief_ray() -> Iterator[None]:
    """A local Ray of one slot, to look at."""
    _connect(1, "local")
    try:
        yield
    finally:
        ray.shutdown()


def _connect(slots: int, address: str) -> None:
    """Raises RuntimeError where there is no Ray, or none that knows us."""
    try:
        if address == "local":
            _start_local(slots)
            return
        # Ray itself tries for minutes.
        if HOST_AND_PORT.fullmatch(address) and not answers(address):
            raise ConnectionError("connection refused")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except AuthenticationError as error:
        raise RuntimeError(
            f"Ray at {address} refused us; put its token into a file of mode 0600, name that in "
            "RAY_AUTH_TOKEN_PATH and resume"
        ) from error
    except (ConnectionError, RayError) as error:
        raise RuntimeError(
            f"no Ray answers at {address} ({_first_line(error)}); start it and resume"
        ) from error


def _start_local(slots: int) -> None:
    # Ray listens on every interface whatever one asks for. Without a token of our own it would
    # write one that every user of the machine can read.
    if os.environ["RAY_AUTH_MODE"] == "token" and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray.init(
        address="local",
        num_cpus=slots,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
