"""One point of a grid, in a process of its own so that its peak of memory is its own.

python -m benchmarks.scaling.point RECORD
"""

import shutil
import sys
import time
from pathlib import Path
from statistics import median

import psutil

from benchmarks.speed.shapes import Trainee
from state.base import Record
from state.genome import parse
from state.run_folder import RunFolder
from trainer.config import DataConfig, TokenizerKind

MEGABYTE = 1024**2
VOCABULARY = 1024
"""Of every corpus: sized by the text, as in a run, it would make larger models of larger texts."""


class Measured(Record):
    """What a point took."""

    seconds: float
    """On the clock."""
    cpu_seconds: float
    step_ms: float | None = None
    """Median over steps, where there are any."""
    peak_mb: float
    """Most memory that was held, of files that are mapped only what was read."""
    base_mb: float
    """Held before, with the libraries loaded that the module itself loads."""
    amount: float
    """What the point has in fact of what is varied: parameters, bytes, members or steps."""


class Preparation(Record):
    """Prepare a text."""

    data: str
    folder: str
    tokenizer: TokenizerKind
    block: int


class Training(Record):
    """Train members from nothing, one after the other, as a worker does in a search."""

    trainee: Trainee
    members: int
    steps: int


class Order(Record):
    """What is measured."""

    work: Preparation | Training
    amount: float | None = None
    """Of what is varied; None: the parameters."""


def main(record: str) -> None:
    """Measure and say so."""
    order = Order.model_validate_json(record)
    sys.stdout.write(measured(order).model_dump_json() + "\n")


def measured(order: Order) -> Measured:
    """What the order took."""
    match order.work:
        case Preparation():
            return prepare_once(order.work, order.amount or 0)
        case Training():
            return train_once(order.work, order.amount)


def prepare_once(work: Preparation, amount: float) -> Measured:
    """Read, split, tokenise and write."""
    from trainer.data import prepare

    run = RunFolder(Path(work.folder))
    run.create()
    learnt = VOCABULARY if work.tokenizer == "bpe" else None
    config = DataConfig(paths=(work.data,), tokenizer=work.tokenizer, vocab_size=learnt)
    base, clock, cpu = held_mb(), time.perf_counter(), time.process_time()
    prepare(config, run.data, work.block)
    return Measured(
        seconds=time.perf_counter() - clock,
        cpu_seconds=time.process_time() - cpu,
        peak_mb=peak_mb(),
        base_mb=base,
        amount=amount,
    )


def train_once(work: Training, amount: float | None) -> Measured:
    """A task of one step first, in which whatever loads once is loaded; it is not counted."""
    from trainer.execution import TaskExecutor

    base, trainee = held_mb(), work.trainee
    run = RunFolder(Path(trainee.run_folder))
    run.create()
    # A snapshot would be found by the next process that measures the same.
    executor = TaskExecutor(trainee.setup().model_copy(update={"snapshot_seconds": 1e9}))
    plain = trainee.task(0, 1).model_copy(update={"evaluate": (), "mean_rate": None})
    executor.execute(plain.model_copy(update={"task_id": "first", "save": False}))
    clock, cpu, step_ms = time.perf_counter(), time.process_time(), []
    for member in range(work.members):
        named = {"task_id": f"member-{member}", "init_seed": member, "steps": work.steps}
        outcome = executor.execute(plain.model_copy(update=named))
        step_ms += [row.ms_per_step for row in outcome.rows]
    found = Measured(
        seconds=time.perf_counter() - clock,
        cpu_seconds=time.process_time() - cpu,
        step_ms=median(step_ms),
        peak_mb=peak_mb(),
        base_mb=base,
        amount=num_parameters(trainee) if amount is None else amount,
    )
    shutil.rmtree(run.objects)
    return found


def num_parameters(trainee: Trainee) -> int:
    """Of a member."""
    from trainer.backbones.gpt import GPT

    model = GPT(trainee.setup().model, parse(trainee.activation))
    return sum(parameter.numel() for parameter in model.parameters())


def held_mb() -> float:
    """Memory of this process now."""
    return float(psutil.Process().memory_info().rss / MEGABYTE)


def peak_mb() -> float:
    """Most memory that this process ever held.

    Not what `getrusage` says, which begins with the memory of whoever started the process.
    """
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return float(value.split()[0]) / 1024
    raise RuntimeError("the system does not say what memory was held at most; measure on Linux")


if __name__ == "__main__":
    main(sys.argv[1])
