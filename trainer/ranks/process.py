"""A process that trains its part of a member: `python -m trainer.ranks.process`, see `Ranks`.

It reads lines from its input, answers in lines, and ends when its input does.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from state.progress import SILENT, ProgressFile, Reporter
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from trainer.execution import Begun, TaskExecutor, reproducible
from trainer.ranks.chunk import RankChunk
from trainer.ranks.joining import Joined, join
from trainer.ranks.messages import Answer, Place
from trainer.stacked.grouping import why_alone
from trainer.stacked.training import StackedChunks
from trainer.training import Chunk


class Rank:
    """Trains what it is told, with the others."""

    def __init__(self, place: Place) -> None:
        """Waits until all are there."""
        setup = place.setup
        ordered = setup.device == "cpu" or setup.deterministic
        self.setup, self.rank = setup, place.rank
        self.across: Joined = join(
            place.rendezvous, place.rank, setup.host_devices, setup.device, ordered=ordered
        )
        told = Reporter(ProgressFile(RunFolder(Path(setup.run_folder)).progress))
        self.executor = TaskExecutor(setup, progress=SILENT if place.rank else told)

    def train(self, task: TrainingTask) -> Outcome | None:
        """All steps of the task; the first process alone saves, stores and measures."""
        setup = self.setup
        threads = max(1, task.threads // setup.host_devices)
        with reproducible(threads, setup.device, deterministic=setup.deterministic):
            started_at = time.monotonic()
            begun = self.executor.begun(task, partial(RankChunk, self.across))
            self.across.require_same(len(begun.chunk.rows))
            self.take_steps(begun)
            if self.rank:
                return None
            return self.executor.finished(begun, {"started_at": started_at})

    def take_steps(self, begun: Begun) -> None:
        """All that are left, as a stack of one where a process alone would train it as one."""
        chunk = begun.chunk
        save = _not_saved if self.rank else begun.snapshots.after_step
        if why_alone(begun.task, self.setup.model_copy(update={"host_devices": 1})) is None:
            StackedChunks([chunk]).run(lambda: save(chunk))
        else:
            chunk.run(save)


def _not_saved(chunk: Chunk) -> None:
    """By this process; the first one saves."""


def answer_to(train: Callable[[TrainingTask], Outcome | None], line: bytes) -> Answer:
    """What becomes of the task in that line."""
    try:
        return Answer(outcome=train(TrainingTask.model_validate_json(line)))
    except Exception as error:  # noqa: BLE001
        # Whoever gave the task raises it there, where it is judged.
        return Answer(error=type(error).__name__, message=str(error))


def main() -> None:
    """Until the input ends, whatever goes on then: nobody would hear of it."""
    # Ctrl-C is for the run's own process, which says what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries print; what is answered keeps the first output for itself.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(lines,), daemon=True).start()
    rank = Rank(Place.model_validate_json(lines.get()))
    while True:
        answers.write(answer_to(rank.train, lines.get()).model_dump_json().encode() + b"\n")
        answers.flush()


def _listen(lines: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
