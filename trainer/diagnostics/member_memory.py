"""How much memory one member takes while it trains, and how fast it is: measured, not estimated.

Run as a program it reads a request from its standard input and writes the costs. Such a process
holds the interpreter, the libraries and a member, as a worker does; each shape is trained in a fork
of it, since what one leaves behind would hide what the next one takes. A shape that memory does
not hold is told, and tried again with half the batch.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from state.base import Record
from state.records import Genome
from trainer.config import WorkerSetup
from trainer.diagnostics.member_trial import (
    MEGABYTE,
    MemberCost,
    MemberShape,
    Refused,
    Trial,
    tried,
    tried_together,
)

PATIENCE_SECONDS = 150.0
MAX_TOGETHER = 64


class MemoryRequest(Record):
    """What is to be measured."""

    setup: WorkerSetup
    genome: Genome
    threads: int
    shapes: tuple[MemberShape, ...]
    ceiling_megabytes: float | None = None
    """Most that a member on the CPU may take; None: what is free, but for a margin."""
    together: bool = False
    """Whether as many members as should fit are trained at once, and fewer where they do not:
    on the CPU no more than it has cores, on an accelerator no more than 64.
    """
    patience_seconds: float = PATIENCE_SECONDS
    """For each shape; the measuring process has that of all of them."""


class MemberCosts(Record):
    """Of every shape that could be trained."""

    costs: tuple[MemberCost, ...]
    refused: tuple[Refused, ...] = ()


def measure_members(request: MemoryRequest) -> MemberCosts:
    """The costs of the shapes on this machine, and those that do not fit.

    Raises:
        RuntimeError: the measuring process failed.
    """
    limit = request.patience_seconds * max(2, len(request.shapes))
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=request.model_dump_json(),
            capture_output=True,
            text=True,
            timeout=limit,
            cwd=Path(__file__).parent.parent.parent,
            check=True,
        )
        return MemberCosts.model_validate_json(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"memory could not be measured within {limit:.0f} s") from error
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise RuntimeError(f"memory could not be measured: {type(error).__name__}") from error


def main() -> int:
    """Read a request, write the costs."""
    request = MemoryRequest.model_validate_json(sys.stdin.read())
    own = psutil.Process().memory_full_info().uss / MEGABYTE
    outcomes: dict[MemberShape, MemberCost | Refused] = {}
    for shape in request.shapes:
        for smaller in halves(shape):
            if smaller not in outcomes:
                outcomes[smaller] = outcome(request, smaller, own)
            if isinstance(outcomes[smaller], MemberCost):
                break
    found = outcomes.values()
    costs = MemberCosts(
        costs=tuple(one for one in found if isinstance(one, MemberCost)),
        refused=tuple(one for one in found if isinstance(one, Refused)),
    )
    sys.stdout.write(costs.model_dump_json())
    return 0


def halves(shape: MemberShape) -> Iterator[MemberShape]:
    """The shape, and with ever smaller batches."""
    batch = shape.batch
    while batch:
        yield shape.model_copy(update={"batch": batch})
        batch //= 2


def outcome(
    request: MemoryRequest, shape: MemberShape, worker_megabytes: float
) -> MemberCost | Refused:
    """What a member of this shape costs, or why there is none."""
    trial = Trial(
        setup=request.setup,
        genome=request.genome,
        threads=request.threads,
        shape=shape,
        ceiling_megabytes=request.ceiling_megabytes,
    )
    cost = tried(trial, worker_megabytes)
    if isinstance(cost, Refused) or not request.together:
        return cost
    accelerated = request.setup.device == "cuda"
    most = MAX_TOGETHER if accelerated else psutil.cpu_count() or 1
    count = min(most, cost.fitting)
    while count > 1 and not tried_together(trial, count):
        count //= 2
    return cost.model_copy(update={"together": count})


if __name__ == "__main__":
    raise SystemExit(main())
