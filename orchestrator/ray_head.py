"""Whether Ray's head lives: Ray itself takes a minute to notice and then ends the whole process."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

NAMES = frozenset({"gcs_server", "raylet"})
INTERVAL_SECONDS = 5.0
MAX_MISSES = 3
CONNECT_SECONDS = 2.0


class Head(Protocol):
    """The processes without which no worker can be had."""

    def is_gone(self) -> bool:
        """It is dead; cheap enough for every poll."""
        ...


class LocalHead:
    """Children of this process."""

    def __init__(self) -> None:
        self._processes = [one for one in psutil.Process().children() if _name(one) in NAMES]

    def is_gone(self) -> bool:
        return not all(_lives(one) for one in self._processes)


class RemoteHead:
    """A server at `address` (host:port). A few missed answers in a row mean that it is gone."""

    def __init__(self, address: str, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._address = address
        self._interval_seconds = interval_seconds
        self._asked = time.monotonic()
        self._misses = 0

    def is_gone(self) -> bool:
        if time.monotonic() - self._asked >= self._interval_seconds:
            self._misses = 0 if answers(self._address) else self._misses + 1
            self._asked = time.monotonic()
        return self._misses >= MAX_MISSES


def answers(address: str) -> bool:
    """Somebody accepts connections at `address` (host:port)."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
            return True
    except OSError:
        return False


def descendants() -> list[psutil.Process]:
    """Every process below this one."""
    return psutil.Process().children(recursive=True)


def children_at(folder: Path) -> list[psutil.Process]:
    """The processes below this one whose program lies in `folder`, and all below those."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any(str(folder) in word for word in child.cmdline()):
                found += [child, *child.children(recursive=True)]
    return found


def kill(processes: Iterable[psutil.Process]) -> None:
    """Those that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
