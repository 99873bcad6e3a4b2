"""Dying at one durable operation of a process, or stopping at a generation."""

import json
import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple, NoReturn, assert_never

from state.durable import Hook, Operation

When = Literal["before", "during", "after"]

# Enough of a line or a document to be there, not enough to be whole.
TORN_BYTES = 7

_PROCESS = re.compile(r"\.\d+-[0-9a-f]{8}\.tmp$")
_DOING: frozenset[object] = frozenset(
    {os.write, os.fsync, os.rename, os.replace, os.truncate, os.unlink}
)


class Announced(NamedTuple):
    """A durable operation, its file named relative to the run and without the writer's name."""

    operation: Operation
    file: str


class Moment(NamedTuple):
    """An instant in the life of a process."""

    number: int
    """Of the durable operation, from 1."""
    when: When
    """`during` tears a write or an append after its first bytes; others are whole or not there."""


def recording(root: Path, announce: Callable[[Announced], None]) -> Hook:
    """A hook that names every operation."""

    def hook(operation: Operation, path: Path) -> None:
        announce(Announced(operation, name_of(path, root)))

    return hook


def name_of(path: Path, root: Path) -> str:
    """`objects/SHA.tmp` for what a process writes before it is renamed to `objects/SHA`."""
    relative = path.relative_to(root)
    if not _PROCESS.search(path.name):
        return relative.as_posix()
    return relative.with_name(_PROCESS.sub(".tmp", path.name[1:])).as_posix()


def killing(moment: Moment) -> Hook:
    """A hook that kills this process at `moment`."""
    numbers = count(1)

    def hook(_operation: Operation, path: Path) -> None:
        number = next(numbers)
        if number == 1 and moment.when == "during":
            # Python ignores it, and lets the main thread alone change that: the first operation
            # is one of the main thread's, which the announced one need not be.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        if number != moment.number:
            return
        match moment.when:
            case "before":
                die()
            case "during":
                _tear(path)
            case "after":
                sys.setprofile(_die_when_done)
            case _:
                assert_never(moment.when)

    return hook


def stopping(generation: int) -> Hook:
    """A hook that asks for a clean stop with the first commit at `generation` or beyond it."""
    asked = False

    def hook(operation: Operation, path: Path) -> None:
        nonlocal asked
        temporary = operation == "fsync" and path.name.startswith(".state.json.")
        if temporary and not asked and _generation(path) >= generation:
            asked = True
            signal.raise_signal(signal.SIGINT)

    return hook


def die() -> NoReturn:
    """SIGKILL to this process."""
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


def _tear(path: Path) -> None:
    """Let the kernel take the first bytes of the next write only, and kill for the others."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = path.stat().st_size + TORN_BYTES
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _die_when_done(_frame: FrameType, event: str, function: object) -> None:
    """Profile function: the first call that returns of those that act is the announced one."""
    if event == "c_return" and (function in _DOING or _is_database_commit(function)):
        die()


def _is_database_commit(function: object) -> bool:
    owner = getattr(function, "__self__", None)
    return isinstance(owner, sqlite3.Connection) and getattr(function, "__name__", "") == "commit"


def _generation(path: Path) -> int:
    generation = json.loads(path.read_text(encoding="utf-8"))["generation"]
    assert isinstance(generation, int)
    return generation
