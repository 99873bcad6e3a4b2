"""A run's folder, here and there.

The one that is further wins, and only if it goes on from where the other stands: what was trained
on either side is never lost.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from deploy.remote import far_side
from deploy.remote.far_files import Listing, Sent, Told, files_here, get, listing, put
from deploy.remote.far_program import FarProgram
from deploy.remote.transfer import FileThere
from state.run_folder import RunFolder

STORE = "metrics.db"
JOURNAL, INDEX = f"{STORE}-wal", f"{STORE}-shm"
"""SQLite would take what is in them for the new file's."""
LAST = ("state.json.prev", "state.json")


class _Side(NamedTuple):
    """Where a folder stands, and what the journal of its results begins with."""

    where: str
    commit: dict[str, Any]
    beginning: Callable[[int], str]


def push_run(far: FarProgram, folder: RunFolder, told: Told) -> Sent:
    """Make `runs/NAME` there what the folder is here.

    Raises:
        ValueError: somebody works on the run on either side, the far one is further or has gone
            another way, or the disk there is full.
    """
    name = require_name(folder.root.resolve().name)
    with _nobody_works(folder):
        there = listing(far, f"runs/{name}")
        _require_idle(far, there, name)
        source = _here(folder)
        if not source.commit:
            raise ValueError(f"{folder.root} has no commit yet, there is nothing to go on from")
        _require_behind(_there(far, there, name), source)
        files = sorted(files_here(folder.root), key=lambda one: _rank(one.path))
        hashes = {one.path: one.sha256 for one in files}
        stale = _stale_store(_hashes(there.files), hashes)
        gone = [path for path in there.files if path not in hashes]
        root = f"runs/{name}"
        return put(far, root, files, there, told=told, before=stale, after=gone, lock=True)


def fetch_run(far: FarProgram, name: str, into: Path, told: Told) -> Path:
    """Make the folder `into / NAME` what `runs/NAME` is there.

    Raises:
        ValueError: there is no such run, somebody works on it on either side, the one here is
            further or has gone another way, or the disk here is full.
    """
    root, folder = f"runs/{require_name(name)}", RunFolder(into / name)
    folder.require_no_links()
    there = listing(far, root)
    _require_idle(far, there, name)
    source = _there(far, there, name)
    if not source.commit:
        raise ValueError(f"{source.where} holds no run with a commit; status says what is there")
    with _nobody_works(folder):
        _require_behind(_here(folder), source)
        here = {one.path: FileThere(*one[:4]) for one in files_here(folder.root)}
    new = [one for path, one in there.files.items() if here.get(path) != one]
    incoming = into / f".{name}.incoming"
    get(far, root, new, incoming, told=told)
    request = {
        "files": [(one.path, one.sha256, one.program) for one in sorted(new, key=_by_rank)],
        "before": _stale_store(_hashes(here), _hashes(there.files)),
        "after": [path for path in here if path not in there.files],
        "lock": True,
    }
    try:
        far_side.publish(folder.root, incoming, request)
    except far_side.Problem as error:
        raise ValueError(str(error)) from error
    far_side.tidy(incoming)
    return folder.root


def require_name(name: str) -> str:
    """A run's name, which becomes that of a folder.

    Raises:
        ValueError: it cannot.
    """
    if not name or name.startswith((".", "-")) or "/" in name or not name.isprintable():
        raise ValueError(f"run {name!r} has no name that a folder elsewhere can have; rename it")
    return name


def _here(folder: RunFolder) -> _Side:
    root = folder.root
    return _Side(str(root), far_side.commit_of(root), lambda n: far_side.beginning(root, n))


def _there(far: FarProgram, there: Listing, name: str) -> _Side:
    root = f"runs/{name}"

    def beginning(num_bytes: int) -> str:
        return str(far.ask("beginning", root, num_bytes=num_bytes)["sha256"])

    return _Side(f"{far.connection.address}:{far.at(root)}", there.commit, beginning)


def _require_behind(target: _Side, source: _Side) -> None:
    """What is overwritten is an earlier point of what it is overwritten with.

    Raises:
        ValueError: it is not.
    """
    if not target.commit:
        return
    if target.commit["run_id"] != source.commit["run_id"]:
        raise ValueError(
            f"{target.where} is another run ({target.commit['run_id']}, not "
            f"{source.commit['run_id']}); move one of the two"
        )
    num_bytes = target.commit["results"]
    if num_bytes > source.commit["results"]:
        raise ValueError(
            f"{target.where} is further (generation {target.commit['generation']}) than "
            f"{source.where} (generation {source.commit['generation']}); go on from there, or "
            "move it away"
        )
    if target.beginning(num_bytes) != source.beginning(num_bytes):
        raise ValueError(
            f"{target.where} and {source.where} have each been trained since they were the same; "
            "move one of the two"
        )


def _require_idle(far: FarProgram, there: Listing, name: str) -> None:
    if there.locked:
        raise ValueError(
            f"somebody works on run {name} at {far.connection.address}; wait for its end, or kill "
            "it there: it commits first"
        )


@contextmanager
def _nobody_works(folder: RunFolder) -> Iterator[None]:
    """Nobody begins to, meanwhile; a folder that is not there is left so."""
    if not folder.root.exists():
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(far_side.locked(folder.root))
        except far_side.Problem as error:
            raise ValueError(f"{error}; stop it first, it commits what it has done") from error
        yield


def _stale_store(target: Mapping[str, str], source: Mapping[str, str]) -> list[str]:
    """What belongs to the store that is overwritten, and not to the one that takes its place."""
    if all(target.get(path) == source.get(path) for path in (STORE, JOURNAL)):
        return []
    return [INDEX, *([JOURNAL] if target.get(JOURNAL) != source.get(JOURNAL) else [])]


def _hashes(files: Mapping[str, FileThere]) -> dict[str, str]:
    return {path: one.sha256 for path, one in files.items()}


def _rank(path: str) -> tuple[int, str]:
    """What names others comes after them."""
    return (LAST.index(path) + 1 if path in LAST else 0), path


def _by_rank(one: FileThere) -> tuple[int, str]:
    return _rank(one.path)
