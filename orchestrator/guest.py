"""A worker on a machine that does not have the run's folder: what it needs is brought by hash.

It works in a folder of its own there, laid out as a run's. What it was brought, and what it has
made, stays for the next task; a worker beside it uses the same. Nothing in here imports Ray:
whoever does passes what fetches a parcel.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from orchestrator.seat import Seat
from state.objects import ObjectStore
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from orchestrator.task_runner import TaskRunner
    from state.results import Outcome
    from state.tasks import Task
    from trainer.config import WorkerSetup

KEPT_BYTES = 4_000_000_000
"""Of objects in the folder there; the oldest go first."""
KEPT_SECONDS = 600.0
"""An object that was used so lately stays in any case: a worker beside us may be about to."""

Piece = NDArray[np.uint8]
Fetch = Callable[[Sequence[Any]], list[Piece]]
"""Takes references to pieces of a file, which only Ray understands."""


class Greeting(NamedTuple):
    """A worker that is new, as it introduces itself."""

    node: str
    shares_disk: bool
    """It sees the run's folder."""
    context: Mapping[str, JsonValue]
    """What the bits of its outcomes depend on besides the task. See `PartialWork`."""


class Errand(NamedTuple):
    """What goes with tasks to a worker without the run's folder."""

    place: str
    """Names the run's folder there."""
    data: Mapping[str, str]
    """Name -> sha256 of the prepared data's files."""
    objects: tuple[str, ...]
    """sha256 of those that the tasks read."""
    parcels: Mapping[str, Sequence[Any]]
    """sha256 -> references to the pieces of what the worker said that it lacks."""


class Missing(NamedTuple):
    """The tasks were not begun: these are not there, by their sha256."""

    names: tuple[str, ...]


class Delivery(NamedTuple):
    """What was done, and the objects that it names, by their sha256."""

    outcomes: "list[Outcome]"
    objects: Mapping[str, Piece]


class GuestSeat(Seat):
    """A seat on another machine."""

    def __init__(self, fetch: Fetch, node: Callable[[], str]) -> None:
        super().__init__()
        self._fetch, self._node = fetch, node
        self._checked: set[Path] = set()

    def greet(self, mark: str, token: str, setup: "WorkerSetup") -> Greeting:
        """Say where we are. `mark` is a file in the run's folder that holds `token`."""
        from trainer.partial import partial_work

        try:
            shares = Path(mark).read_text(encoding="ascii") == token
        except OSError:
            shares = False
        return Greeting(self._node(), shares, partial_work(setup).context)

    def run_away(
        self,
        runner: "type[TaskRunner]",
        setup: "WorkerSetup",
        tasks: "Sequence[Task]",
        errand: Errand,
        *,
        anew: bool = False,
    ) -> Delivery | Missing:
        """See `TaskRunner.run_job`; without the run's folder."""
        folder = place(errand.place)
        store = ObjectStore(folder.objects)
        wanted = {
            **{sha: folder.data / name for name, sha in errand.data.items()},
            **{sha: store.path(sha) for sha in errand.objects},
        }
        for sha, references in errand.parcels.items():
            if sha in wanted:
                write(wanted[sha], self._fetch(references))
                self._checked.discard(wanted[sha])
        missing = tuple(sha for sha, path in wanted.items() if not self._is_whole(path, sha))
        if missing:
            return Missing(missing)
        own = setup.model_copy(update={"run_folder": str(folder.root)})
        outcomes = self.run_job(runner, own, tasks, anew=anew)
        made = {
            sha: np.frombuffer(store.read(sha), dtype=np.uint8)
            for outcome in outcomes
            for sha in objects_made(outcome)
        }
        evict(folder.objects, KEPT_BYTES)
        return Delivery(outcomes, made)

    def _is_whole(self, path: Path, sha: str) -> bool:
        """The file is there; what it holds is looked at once."""
        if not path.exists():
            return False
        if path not in self._checked:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha:
                    return False
            self._checked.add(path)
        os.utime(path)
        return True


def objects_read(tasks: "Sequence[Task]") -> tuple[str, ...]:
    """sha256 of every object that the tasks begin with."""
    return tuple(dict.fromkeys(sha for task in tasks for sha in _read_by(task)))


def _read_by(task: "Task") -> Iterator[str]:
    fusion = getattr(task, "fusion", None)
    models = (*getattr(task, "teachers", ()), *getattr(task, "models", ()))
    named = (
        getattr(task, "parent", None),
        getattr(task, "checkpoint", None),
        fusion.mean if fusion is not None else None,
        *(model.checkpoint for model in models),
    )
    yield from (sha for sha in named if sha is not None)


def objects_made(outcome: "Outcome") -> tuple[str, ...]:
    """sha256 of every object that the outcome names."""
    named = (
        getattr(outcome.result, name, None) for name in ("checkpoint", "consensus", "averaged")
    )
    return tuple(sha for sha in named if sha is not None)


def place(name: str) -> RunFolder:
    """The folder of that name on this machine, which nobody else can write to.

    Raises:
        RuntimeError: somebody else made it.
    """
    home = Path(tempfile.gettempdir()) / f"symbio-auto-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    found = home.lstat()
    if found.st_uid != os.getuid() or home.is_symlink() or found.st_mode & 0o022:
        raise RuntimeError(f"{home} belongs to somebody else; remove it, or set TMPDIR")
    folder = RunFolder(home / name)
    for one in (folder.objects, folder.data):
        one.mkdir(parents=True, exist_ok=True)
    return folder


def write(path: Path, pieces: Iterable[Piece]) -> None:
    """Replace the file. It can be made again, so nobody waits for the disk."""
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with part.open("wb") as file:
        for piece in pieces:
            file.write(piece.data)
    part.replace(path)


def evict(folder: Path, kept_bytes: int) -> None:
    """Delete the objects that were not used for longest, down to so many bytes."""
    files = [(path.stat(), path) for path in folder.iterdir()]
    excess = sum(stat.st_size for stat, _ in files) - kept_bytes
    for stat, path in sorted(files, key=lambda one: one[0].st_mtime):
        if excess <= 0 or datetime.now(UTC).timestamp() - stat.st_mtime < KEPT_SECONDS:
            return
        path.unlink(missing_ok=True)
        excess -= stat.st_size
