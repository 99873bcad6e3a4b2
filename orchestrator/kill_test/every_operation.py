"""Killing a run at each of its durable operations in turn.

The pattern is that of SQLite's `writecrash.test`: for k = 1, 2, 3, ... die at the k-th operation,
recover, compare.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.kill_test import forked
from orchestrator.kill_test.contents import Contents, contents, differences, sound_contents, torn
from orchestrator.kill_test.instruments import cost, instrumented, read_steps
from orchestrator.kill_test.moments import Announced, Moment, When, killing, recording, stopping
from orchestrator.kill_test.small_run import Mode, Scratch, begin, copied, expect
from state.base import Record
from state.commit import load_commit
from state.durable import Hook
from state.run_folder import RunFolder

BASE = "base"
_WRITTEN = Announced("write", "state.json.tmp")
_OF_A_COMMIT = frozenset({".", "state.json", "state.json.prev"})


class Window(Record):
    """A stretch of a run in which it is killed.

    Generation numbers are those of commits: the commit of generation n ends generation n - 1.
    """

    mode: Mode = "phases"
    budget: int = 400
    first: int
    """Where every process starts."""
    killed: bool = False
    """The run was killed before the last commit already: it is its resumption that is killed."""
    last: int | None
    """Operations up to this commit, and its own, are killed; None goes to the end of the run."""


class Verdict(Record):
    """What became of a run that was killed once."""

    number: int
    """Of the durable operation, from 1."""
    when: When
    operation: str
    file: str
    died: bool
    """The moment came."""
    repeated_steps: int
    """Training steps that the resumed run took again."""
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """It was killed, and nobody can tell."""
        return self.died and not self.differences


class EveryOperation:
    """One window, its operations, and trials of them."""

    def __init__(self, scratch: Scratch, window: Window) -> None:
        self.scratch, self.window = scratch, window
        self.base = begin(
            scratch, BASE, budget=window.budget, generation=window.first, mode=window.mode
        )
        if window.killed:
            number = last_commit(self._recorded(self._copy("uninterrupted"))).start
            self._play(self.base, window.last, killing(Moment(number, "before")))
        uninterrupted = self._copy("uninterrupted")
        self.operations = self._recorded(uninterrupted)
        self._last_commit = last_commit(self.operations)
        self._at_last = sound_contents(uninterrupted)
        self._resumed(uninterrupted, behind_last=True)
        self._behind_last = sound_contents(uninterrupted)

    def trial(self, moment: Moment) -> Verdict:
        """Die at `moment`, resume, compare.

        Where the last commit may be made, the comparison is one generation behind it, so that
        every run has something left to do.
        """
        folder = self._copy("killed")
        self._log.unlink(missing_ok=True)
        ended = self._play(folder, self.window.last, killing(moment))
        num_steps = len(read_steps(self._log))
        damage = tuple(f"{name}: torn by the kill" for name in torn(folder))
        behind_last = moment.number >= self._last_commit.start
        found = self._differences(folder, behind_last=behind_last)
        steps, announced = read_steps(self._log), self.operations[moment.number - 1]
        return Verdict(
            number=moment.number,
            when=moment.when,
            operation=announced.operation,
            file=announced.file,
            died=ended.signal is not None,
            repeated_steps=cost(steps, num_steps, len(steps), frozenset()).repeated_steps,
            differences=damage + found,
        )

    @property
    def _log(self) -> Path:
        return self.scratch.root / "steps.txt"

    def _recorded(self, folder: RunFolder) -> tuple[Announced, ...]:
        """Play up to the last commit; the operations in order."""
        listing = self.scratch.root / "operations.jsonl"
        with listing.open("w", encoding="utf-8", buffering=1) as file:
            hook = recording(folder.root, lambda one: print(json.dumps(one), file=file))
            self._expect_stop(self._play(folder, self.window.last, hook))
        lines = listing.read_text(encoding="utf-8").splitlines()
        return tuple(Announced(*json.loads(line)) for line in lines)

    def _differences(self, folder: RunFolder, *, behind_last: bool) -> tuple[str, ...]:
        expected = self._behind_last if behind_last else self._at_last
        try:
            return differences(expected, self._resumed(folder, behind_last=behind_last))
        except (OSError, RuntimeError, ValueError) as error:
            return (f"cannot be resumed or read: {error}",)

    def _resumed(self, folder: RunFolder, *, behind_last: bool) -> Contents:
        last = self.window.last
        self._expect_stop(self._play(folder, last and last + behind_last))
        return contents(folder)

    def _expect_stop(self, ended: forked.Ended) -> None:
        expect(ended, 0 if self.window.last is None else forked.CLEAN_STOP, self.scratch)

    def _play(self, folder: RunFolder, generation: int | None, *hooks: Hook) -> forked.Ended:
        """Go on with a run up to a generation, or to its end."""
        stop = () if generation is None else (stopping(generation),)
        work = instrumented(forked.resumed(folder.root, *hooks, *stop), self._log)
        return forked.wait(forked.start(work, self.scratch.log))

    def _copy(self, name: str) -> RunFolder:
        return copied(self.base, self.scratch.run(name))


def last_generation(scratch: Scratch, budget: int, mode: Mode = "phases") -> int:
    """Number in the last commit of a whole run."""
    base = begin(scratch, "whole", budget=budget, generation=0, mode=mode)
    expect(forked.wait(forked.start(forked.resumed(base.root), scratch.log)), 0, scratch)
    return load_commit(base, verify_objects=False).record.generation


def moments(operations: Sequence[Announced], stride: int) -> Iterator[Moment]:
    """Before every `stride`-th operation, and before, in and after those of the last commit; with a
    stride of 1 before, in and after every one.

    A kill before or after a sync leaves what a kill before the next change of a file leaves: in the
    last commit a stride above 1 passes over syncs.
    """
    commit = last_commit(operations)
    for number, (operation, _) in enumerate(operations, start=1):
        closely = stride == 1 or (number in commit and operation != "fsync")
        if closely or number % stride == 0:
            yield Moment(number, "before")
        if closely and operation in {"write", "append"}:
            yield Moment(number, "during")
        if closely and operation != "fsync" and (stride == 1 or operation == "replace"):
            yield Moment(number, "after")


def last_commit(operations: Sequence[Announced]) -> range:
    """Numbers of the last commit's operations, from the journals that are synced before it."""
    first = last = max(n for n, one in enumerate(operations, start=1) if one == _WRITTEN)
    while operations[first - 2].operation in {"fsync", "write"}:
        first -= 1
    for _, file in operations[last:]:
        if file.removesuffix(".tmp") not in _OF_A_COMMIT:
            break
        last += 1
    return range(first, last + 1)
