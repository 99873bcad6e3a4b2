"""How much memory one member takes while it trains, and how fast it is: measured, not estimated.

Run as a program it reads a request from its standard input and writes the costs. Such a process
holds the interpreter, the libraries and a member, as a worker does; each shape is trained in a fork
of it, since what one leaves behind would hide what the next one takes.
"""

import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import torch

from state.base import Record
from state.records import Genome
from trainer.config import WorkerSetup
from trainer.member import Batch, Member, StepSettings

MIN_STEPS, MAX_STEPS, ENOUGH_SECONDS = 3, 6, 1.0
"""The first warms up: it makes the optimizer's moments and the kernels' buffers."""
TIMEOUT_SECONDS = 300
MEGABYTE = 1e6
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system gives a process's peak."""


class MemberShape(Record):
    """What a member's memory depends on besides the model."""

    batch: int
    block: int


class MemoryRequest(Record):
    """What is to be measured."""

    setup: WorkerSetup
    genome: Genome
    threads: int
    shapes: tuple[MemberShape, ...]


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

    @property
    def fitting(self) -> int:
        """Members, each with its worker, that the free memory holds at once."""
        return int(self.free_megabytes // (self.megabytes + self.worker_megabytes))

    @property
    def tokens_per_second(self) -> float:
        """While training."""
        return self.shape.batch * self.shape.block / self.milliseconds * 1000


class MemberCosts(Record):
    """Of every shape that could be trained."""

    costs: tuple[MemberCost, ...]


def measure_members(request: MemoryRequest) -> tuple[MemberCost, ...]:
    """The costs of the shapes on this machine; a shape that does not fit is left out.

    Raises:
        RuntimeError: the measuring process failed.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=request.model_dump_json(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            cwd=Path(__file__).parent.parent.parent,
            check=True,
        )
        return MemberCosts.model_validate_json(done.stdout).costs
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise RuntimeError(f"memory could not be measured: {type(error).__name__}") from error


def main() -> int:
    """Read a request, write the costs."""
    request = MemoryRequest.model_validate_json(sys.stdin.read())
    own = psutil.Process().memory_full_info().uss / MEGABYTE
    context = multiprocessing.get_context("fork")
    costs = []
    for shape in request.shapes:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_send_cost, args=(request, shape, own, sender))
        worker.start()
        sender.close()
        # Killed for its memory, or refused by the device: what fitted is told.
        with suppress(EOFError):
            costs.append(MemberCost.model_validate_json(receiver.recv_bytes()))
        worker.join()
    sys.stdout.write(MemberCosts(costs=tuple(costs)).model_dump_json())
    return 0


def _send_cost(
    request: MemoryRequest, shape: MemberShape, worker_megabytes: float, sender: Connection
) -> None:
    cost = cost_of(request, shape, worker_megabytes)
    sender.send_bytes(cost.model_dump_json().encode())


def cost_of(request: MemoryRequest, shape: MemberShape, worker_megabytes: float) -> MemberCost:
    """Train a member of this shape for a few steps, in a process that has trained none yet."""
    setup, device = request.setup, request.setup.device
    torch.set_num_threads(request.threads)
    free, before = free_megabytes(device), _held(device)
    milliseconds = _step_milliseconds(request, shape)
    accelerated = device == "cuda"
    return MemberCost(
        shape=shape,
        dtype=setup.dtype,
        megabytes=max(0.0, _peak(device) - before),
        worker_megabytes=0.0 if accelerated else worker_megabytes,
        free_megabytes=free,
        milliseconds=min(milliseconds[1:]),
    )


def _step_milliseconds(request: MemoryRequest, shape: MemberShape) -> Sequence[float]:
    model = request.setup.model.model_copy(update={"block": shape.block})
    setup = request.setup.model_copy(update={"model": model})
    member = Member.create(setup, request.genome, seed=0)
    stream = torch.Generator().manual_seed(0)
    found: list[float] = []
    while len(found) < MIN_STEPS or (len(found) < MAX_STEPS and sum(found) < 1000 * ENOUGH_SECONDS):
        size = (shape.batch, shape.block + 1)
        tokens = torch.randint(model.vocab_size, size, generator=stream).to(setup.device)
        began = time.monotonic()
        member.train_step(Batch(tokens[:, :-1], tokens[:, 1:]), StepSettings())
        if setup.device == "cuda":
            torch.cuda.synchronize()
        found.append(1000 * (time.monotonic() - began))
    return found


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
        return torch.cuda.memory_reserved() / MEGABYTE
    return psutil.Process().memory_info().rss / MEGABYTE


def _peak(device: str) -> float:
    """Most that was held at once since the process began, megabytes."""
    if device == "cuda":
        return torch.cuda.max_memory_reserved() / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT / MEGABYTE


if __name__ == "__main__":
    raise SystemExit(main())
