"""The controller's side of workers that do not have the run's folder. See `orchestrator.guest`."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from orchestrator.guest import Delivery, Errand, Greeting, Piece, objects_read
from orchestrator.task_runner import remembered
from state.environment import fingerprint
from state.objects import ObjectStore
from state.partial import PartialWork
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import Task
from trainer.config import WorkerSetup
from trainer.manifest import file_sha256

PIECE_BYTES = 64 * 1024 * 1024
"""What is put into the object store at once."""
KEPT = 8
"""Objects that stay in the object store after they were sent: several workers want a champion."""


class Courier:
    """Sends what such workers lack, and takes in what they bring. `put` stores for all nodes."""

    def __init__(self, setup: WorkerSetup, put: Callable[[Piece], Any]) -> None:
        self._folder = RunFolder(Path(setup.run_folder))
        self._objects = ObjectStore(self._folder.objects)
        self._put = put
        self._mark = self._folder.root / f".mark-{secrets.token_hex(4)}.tmp"
        self._parcels: OrderedDict[str, Sequence[Any]] = OrderedDict()

    @cached_property
    def mark(self) -> tuple[str, str]:
        """A file in the run's folder and what is in it: who reads the same there shares our disk.

        Whoever cleans up after a kill knows its name as a temporary one.
        """
        token = secrets.token_hex(16)
        self._mark.write_text(token, encoding="ascii")
        return str(self._mark.resolve()), token

    def close(self) -> None:
        """Nobody will be asked any more."""
        self._mark.unlink(missing_ok=True)

    def errand(self, tasks: Sequence[Task], missing: Sequence[str] = ()) -> Errand:
        """What goes with tasks to a worker that lacks `missing`."""
        parcels = {sha: self._parcel(sha) for sha in missing}
        return Errand(self._place, self._data, objects_read(tasks), parcels)

    def remembered(
        self, tasks: Sequence[Task], context: Mapping[str, JsonValue]
    ) -> list[Outcome] | None:
        """The outcomes, if such a worker has brought all of them before."""
        return remembered(PartialWork(self._folder, context), tasks)

    def received(
        self, tasks: Sequence[Task], context: Mapping[str, JsonValue], delivery: Delivery
    ) -> list[Outcome]:
        """Make what was brought durable here.

        Raises:
            RuntimeError: an object is not the one that the outcome names.
        """
        for sha, data in delivery.objects.items():
            if self._objects.publish(data.tobytes()) != sha:
                raise RuntimeError(f"object {sha[:12]}... came damaged from a worker; resume")
        work = PartialWork(self._folder, context)
        for task, outcome in zip(tasks, delivery.outcomes, strict=True):
            if outcome.result.status != "failed":
                work.finish(task, outcome)
        return delivery.outcomes

    @cached_property
    def _place(self) -> str:
        """Of the folder there: another one for other data at the same path."""
        name = f"{self._folder.root.resolve()} {sorted(self._data.items())}"
        return hashlib.sha256(name.encode()).hexdigest()[:24]

    @cached_property
    def _data(self) -> dict[str, str]:
        hashes = {path.name: file_sha256(path) for path in self._folder.data.iterdir()}
        return {name: sha for name, sha in hashes.items() if sha is not None}

    def _parcel(self, sha: str) -> Sequence[Any]:
        """Pieces of the file in the object store, which forgets them when we do."""
        if sha not in self._parcels:
            names = [name for name, data_sha in self._data.items() if data_sha == sha]
            path = self._folder.data / names[0] if names else self._objects.path(sha)
            self._parcels[sha] = [self._put(piece) for piece in _pieces(path)]
        self._parcels.move_to_end(sha)
        while len(self._parcels) > max(KEPT, len(self._data)):
            self._parcels.popitem(last=False)
        return self._parcels[sha]


def require_same_packages(greeting: Greeting, address: str) -> None:
    """Other versions would give other bits, or none.

    Raises:
        RuntimeError: the worker's packages are not ours.
    """
    environment = greeting.context["environment"]
    theirs = environment["packages"] if isinstance(environment, dict) else {}
    ours = fingerprint()["packages"]
    assert isinstance(theirs, dict)
    assert isinstance(ours, dict)
    for name, version in ours.items():
        if theirs.get(name) != version:
            raise RuntimeError(
                f"a node of Ray at {address} has {name} {theirs.get(name)}, here it is {version}; "
                "install the same on every node and resume"
            )


def _pieces(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield np.frombuffer(piece, dtype=np.uint8)
