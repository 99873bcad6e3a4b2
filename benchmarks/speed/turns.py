"""Processes that take turns: one works while the others sleep.

So neither disturbs the threads, the allocator or the caches of another one's torch, and what the
machine does beside them meets all alike. The order turns round from block to block.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.speed.serving import Block, Ready
from state.base import Record

UNSET = ("GOMP_SPINCOUNT", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Each process decides itself."""
LONG_STEP_SECONDS = 1.0


class Subject(Protocol):
    """What is timed."""

    name: str

    def run(self, steps: int) -> Block:
        """Take steps now."""


class Process:
    """A process that serves (see `serving`); `python -m MODULE RECORD` with a log of its own."""

    def __init__(
        self,
        name: str,
        module: str,
        order: Record,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Waits until it is ready.

        Raises:
            RuntimeError: it ended before.
        """
        self.name, self.log = name, log
        kept = {key: value for key, value in os.environ.items() if key not in UNSET}
        with log.open("wb") as errors:
            self.child = subprocess.Popen(
                [sys.executable, "-m", module, order.model_dump_json()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**kept, **(environment or {})},
                text=True,
            )
        self.parameters = Ready.model_validate_json(self._line()).parameters

    def begin(self, steps: int) -> None:
        """Tell it to take steps."""
        assert self.child.stdin is not None
        self.child.stdin.write(f"{steps}\n")
        self.child.stdin.flush()

    def end(self) -> Block:
        """Wait for what it was told."""
        return Block.model_validate_json(self._line())

    def run(self, steps: int) -> Block:
        """Take steps now."""
        self.begin(steps)
        return self.end()

    def close(self) -> None:
        """Let it end."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()

    def _line(self) -> str:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            # It may close its output before it says why.
            self.close()
            last = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended before it had answered:\n{last}")
        return line


class Together:
    """Processes that work at the same time; their steps are added up."""

    def __init__(self, name: str, processes: Sequence[Process]) -> None:
        self.name, self.processes = name, processes

    def run(self, steps: int) -> Block:
        """So many steps of each, on this process's clock."""
        begun = time.perf_counter()
        for process in self.processes:
            process.begin(steps)
        blocks = [process.end() for process in self.processes]
        return Block(
            steps=sum(block.steps for block in blocks),
            seconds=time.perf_counter() - begun,
            cpu_seconds=sum(block.cpu_seconds for block in blocks),
            loss=sum(block.loss for block in blocks) / len(blocks),
        )

    def close(self) -> None:
        """Let them end."""
        for process in self.processes:
            process.close()


class Timing(NamedTuple):
    """What one subject took."""

    first_step_seconds: float
    """Of the very first step: what is compiled is compiled in it."""
    blocks: list[Block]
    """Later ones, of equal numbers of steps."""


def interleaved(
    subjects: Sequence[Subject], blocks: int, seconds: float, *, equal: bool = False
) -> dict[str, Timing]:
    """Blocks of about `seconds` in turn; `equal` gives all the steps of the slowest.

    First step and warm-up are not in the blocks.
    """
    firsts = {one.name: one.run(1).seconds for one in subjects}
    steps = [max(1, round(seconds / warm_step_seconds(one))) for one in subjects]
    if equal:
        steps = [min(steps)] * len(steps)
    taken: dict[str, list[Block]] = {one.name: [] for one in subjects}
    order = list(zip(subjects, steps, strict=True))
    for _ in range(blocks):
        for one, count in order:
            taken[one.name].append(one.run(count))
        order.reverse()
    return {name: Timing(firsts[name], one) for name, one in taken.items()}


def warm_step_seconds(subject: Subject) -> float:
    """Of a step after the first ones; of several where they are short."""
    second = subject.run(1)
    probe = subject.run(1 if second.seconds > LONG_STEP_SECONDS else 4)
    return probe.step_seconds
