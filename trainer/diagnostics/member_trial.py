"""Training a member for a few steps in a process of its own, to see what it takes."""

import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BrokenBarrierError
from typing import Protocol

import psutil
import torch

from state.base import Record
from state.records import Genome
from trainer.config import WorkerSetup
from trainer.member import Batch, Member, StepSettings
from trainer.shortage import out_of_memory

MIN_STEPS, MAX_STEPS, ENOUGH_SECONDS = 3, 6, 1.0
"""The first warms up: it makes the optimizer's moments and the kernels' buffers."""
TOGETHER_SECONDS = 60
"""That members which train at once wait for each other."""
MARGIN = 0.1
"""Of the free memory, which a trial leaves to others."""
MAX_REASON = 60
MEGABYTE = 1e6
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system gives a process's peak."""
_PROCESSES = multiprocessing.get_context("fork")


class MemberShape(Record):
    """What a member's memory depends on besides the model."""

    batch: int
    block: int


class MemberCost(Record):
    """One shape, without teachers."""

    shape: MemberShape
    dtype: str
    megabytes: float
    """Most that the member added to the device's memory at once, in 10^6 bytes."""
    worker_megabytes: float
    """What each worker holds before that; 0 on an accelerator, where one serves all members."""
    free_megabytes: float
    """Of the device before the member was made."""
    milliseconds: float
    """The fastest step: others are slower by what else the machine does."""
    together: int = 0
    """Members that were trained at once; 0 where that was not tried."""

    @property
    def fitting(self) -> int:
        """Members, each with its worker, that the free memory holds at once."""
        return int(self.free_megabytes // (self.megabytes + self.worker_megabytes))

    @property
    def tokens_per_second(self) -> float:
        """While training."""
        return self.shape.batch * self.shape.block / self.milliseconds * 1000


class Refused(Record):
    """A shape that was not trained."""

    shape: MemberShape
    reason: str


class Trial(Record):
    """One member to train."""

    setup: WorkerSetup
    genome: Genome
    threads: int
    shape: MemberShape
    ceiling_megabytes: float | None


class Gate(Protocol):
    """Where members wait until all of them are there."""

    def wait(self, timeout: float | None = None) -> int: ...

    def abort(self) -> None: ...


def tried(trial: Trial, worker_megabytes: float) -> MemberCost | Refused:
    """The cost of a member, trained in a fork of this process; a reason where it did not end."""
    receiver, sender = _PROCESSES.Pipe(duplex=False)
    worker = _PROCESSES.Process(target=_send_cost, args=(trial, worker_megabytes, sender))
    worker.start()
    sender.close()
    told = None
    with suppress(EOFError):
        told = receiver.recv_bytes()
    worker.join()
    if told is None:
        return Refused(shape=trial.shape, reason=_ended(worker.exitcode))
    if worker.exitcode:
        return Refused(shape=trial.shape, reason=told.decode())
    return MemberCost.model_validate_json(told)


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by signal {-code}, as a system does that is out of memory"
    return f"its process ended with code {code}"


def _send_cost(trial: Trial, worker_megabytes: float, sender: Connection) -> None:
    try:
        sender.send_bytes(cost_of(trial, worker_megabytes).model_dump_json().encode())
    except (MemoryError, RuntimeError) as error:
        sender.send_bytes(_why(error).encode())
        raise SystemExit(1) from None


def _why(error: BaseException) -> str:
    """One line."""
    if out_of_memory(error):
        return "does not fit into memory"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:MAX_REASON]}"


def cost_of(trial: Trial, worker_megabytes: float) -> MemberCost:
    """Train a member of this shape for a few steps, in a process that has trained none yet."""
    device = trial.setup.device
    torch.set_num_threads(trial.threads)
    free, before = free_megabytes(device), _held(device)
    _limit(trial, free)
    milliseconds = _step_milliseconds(trial, Member.create(_setup(trial), trial.genome, seed=0))
    return MemberCost(
        shape=trial.shape,
        dtype=trial.setup.dtype,
        megabytes=max(0.0, _peak(device) - before),
        worker_megabytes=0.0 if device == "cuda" else worker_megabytes,
        free_megabytes=free,
        milliseconds=min(milliseconds[1:]),
    )


def tried_together(trial: Trial, count: int) -> bool:
    """Whether so many members train at once: each in a process on the CPU, where workers are; all
    in one on an accelerator.
    """
    accelerated = trial.setup.device == "cuda"
    workers, members = (1, count) if accelerated else (count, 1)
    gate = _PROCESSES.Barrier(workers)
    started = [
        _PROCESSES.Process(target=_train_beside, args=(trial, members, gate))
        for _ in range(workers)
    ]
    for worker in started:
        worker.start()
    for worker in started:
        worker.join()
        if worker.exitcode:
            gate.abort()
    return not any(worker.exitcode for worker in started)


def _train_beside(trial: Trial, count: int, gate: Gate) -> None:
    """Train `count` members one after the other, all held, and once more when all others are."""
    torch.set_num_threads(trial.threads)
    try:
        _limit(trial, free_megabytes(trial.setup.device))
        members = []
        for seed in range(count):
            members.append(Member.create(_setup(trial), trial.genome, seed))
            _step(trial, members[-1])
        gate.wait(TOGETHER_SECONDS)
        for member in members:
            _step(trial, member)
    except (MemoryError, RuntimeError, BrokenBarrierError):
        gate.abort()
        raise SystemExit(1) from None


def _limit(trial: Trial, free: float) -> None:
    """Let a member that is too large fail by itself, before the system has to choose a victim."""
    if trial.setup.device == "cuda" or sys.platform == "darwin":
        return
    most = (1 - MARGIN) * free
    if trial.ceiling_megabytes is not None:
        most = min(most, trial.ceiling_megabytes)
    held = psutil.Process().memory_info().data
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(held + most * MEGABYTE), hard))


def _setup(trial: Trial) -> WorkerSetup:
    model = trial.setup.model.model_copy(update={"block": trial.shape.block})
    return trial.setup.model_copy(update={"model": model})


def _step_milliseconds(trial: Trial, member: Member) -> Sequence[float]:
    found: list[float] = []
    while len(found) < MIN_STEPS or (len(found) < MAX_STEPS and sum(found) < 1000 * ENOUGH_SECONDS):
        began = time.monotonic()
        _step(trial, member)
        found.append(1000 * (time.monotonic() - began))
    return found


def _step(trial: Trial, member: Member) -> None:
    """One step on tokens that are drawn."""
    size = (trial.shape.batch, trial.shape.block + 1)
    stream = torch.Generator().manual_seed(0)
    tokens = torch.randint(trial.setup.model.vocab_size, size, generator=stream)
    tokens = tokens.to(trial.setup.device)
    member.train_step(Batch(tokens[:, :-1], tokens[:, 1:]), StepSettings())
    if trial.setup.device == "cuda":
        torch.cuda.synchronize()


def free_megabytes(device: str) -> float:
    """Of the device; of the machine's memory as much as the control group lets a process have."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] / MEGABYTE
    free = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    # There is none, or it sets no limit ("max").
    with suppress(OSError, ValueError):
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        used = int((group / "memory.current").read_text(encoding="utf-8"))
        free = min(free, max(0, limit - used))
    return free / MEGABYTE


def _held(device: str) -> float:
    """Held now, megabytes."""
    if device == "cuda":
        return torch.cuda.memory_allocated() / MEGABYTE
    return psutil.Process().memory_info().rss / MEGABYTE


def _peak(device: str) -> float:
    """Most that was held at once since the process began, megabytes."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT / MEGABYTE
