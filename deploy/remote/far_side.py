"""Files of one side, as the other side asks for them: listed by hash, taken in, put in place.

This program is sent to a far machine and run there, by any Python from 3.9 on, without a package.
The near side calls the same functions. Called with a verb, and a request in JSON on the first
line of its input, in the folder that all of ours is in; answers with JSON or, for `send`, bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

Entry = tuple[str, int, bool, str]
"""Path below the root, bytes, whether it is a program, sha256."""
Answer = dict[str, Any]

NOT_SENT = ("lock", "claim", "remote.lock", "progress.json", ".probe", "metrics.db-shm")
"""In a run's folder: who works there and on what, which concerns that machine alone."""
PIECE = 1 << 20
HEX = frozenset("0123456789abcdef")


class Problem(Exception):  # noqa: N818
    """What the user must know, in one line."""


def listing(root: Path, skipped: Sequence[str] = ()) -> list[Entry]:
    """Every file below `root`, in order; a root that is a file has one, of the empty path.

    Raises:
        Problem: there is a link, or something that is no file.
    """
    if root.is_symlink():
        raise Problem(f"{root} is a link; only files themselves are sent")
    if not root.is_dir():
        return [_entry(root, "")] if root.exists() else []
    found = []
    for folder, folders, names in os.walk(str(root)):
        folders.sort()
        for name in sorted((*folders, *names)):
            path = Path(folder) / name
            if path.is_symlink():
                raise Problem(f"{path} is a link; only files themselves are sent")
            relative = path.relative_to(root).as_posix()
            if name in names and relative not in skipped and not _is_temporary(name):
                found.append(_entry(path, relative))
    return found


def waiting(incoming: Path) -> dict[str, int]:
    """Names and bytes of what has come and was not put in place: a hash, or a hash and `.part`."""
    return {one.name: one.stat().st_size for one in incoming.glob("*")}


def receive(incoming: Path, files: Iterable[Sequence[Any]], source: IO[bytes]) -> int:
    """Take in files of [sha256, bytes] one after the other; how many were whole."""
    incoming.mkdir(parents=True, exist_ok=True)
    count = 0
    for sha, size in files:
        part = _named(incoming, sha + ".part")
        with part.open("wb") as file:
            for piece in _pieces(source, size):
                file.write(piece)
        if part.stat().st_size != size:
            break
        count += arrived(incoming, sha)
    return count


def arrived(incoming: Path, sha: str) -> bool:
    """A file that has come whole gets its name; one that is another is deleted."""
    part = _named(incoming, sha + ".part")
    if part.exists() and _sha256(part) == sha:
        part.replace(_named(incoming, sha))
        return True
    with suppress(OSError):
        part.unlink()
    return False


def publish(root: Path, incoming: Path, request: Answer) -> list[str]:
    """Put what has come in place: `files` of [path, sha256, is a program] in their order, with
    `before` deleted before and `after` afterwards. Returns the hashes that have not come.

    With `lock`, `root` is a run's folder, every file of which is durable before the next one is
    replaced, and nobody can work on it meanwhile: raises Problem where somebody does.
    """
    files = [(_below(root, path), sha, program) for path, sha, program in request["files"]]
    wanted = {sha for _, sha, _ in files}
    missing = sorted(sha for sha in wanted if not _named(incoming, sha).exists())
    if missing:
        return missing
    with ExitStack() as stack:
        if request["lock"]:
            root.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(root))
        _delete(root, request["before"])
        last = {sha: target for target, sha, _ in files}
        for target, sha, program in files:
            came = _named(incoming, sha)
            _put(came, target, program, keep=last[sha] is not target, durably=request["lock"])
        _delete(root, request["after"])
    return []


def commit_of(root: Path) -> Answer:
    """Where a run's folder stands: its newest commit that is whole JSON; empty without any."""
    for name in ("state.json", "state.json.prev"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            record = json.loads((root / name).read_bytes())
            return {
                "run_id": str(record["run_id"]),
                "generation": int(record["generation"]),
                "results": int(record["journal_bytes"].get("results.jsonl", 0)),
                "summary": dict(record["summary"]),
            }
    return {}


def beginning(root: Path, num_bytes: int) -> str:
    """sha256 of the first bytes of the journal of results: two folders that have it in common
    have worked together until there.
    """
    digest = hashlib.sha256()
    with suppress(OSError), (root / "results.jsonl").open("rb") as file:
        for piece in _pieces(file, num_bytes):
            digest.update(piece)
    return digest.hexdigest()


def is_locked(root: Path) -> bool:
    """Somebody works on the run."""
    with suppress(FileNotFoundError, NotADirectoryError, Problem), locked(root, os.O_RDONLY):
        return False
    return (root / "lock").exists()


@contextmanager
def locked(root: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[None]:
    """Nobody begins to work on the run meanwhile.

    Raises:
        Problem: somebody does.
    """
    descriptor = os.open(str(root / "lock"), flags, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Problem(f"somebody works on the run in {root}") from None
        yield
    finally:
        os.close(descriptor)


def _entry(path: Path, relative: str) -> Entry:
    if not path.is_file():
        raise Problem(f"{path} is no file; only files are sent")
    stat = path.stat()
    return relative, stat.st_size, bool(stat.st_mode & 0o100), _sha256(path)


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in _pieces(file, None):
            digest.update(piece)
    return digest.hexdigest()


def _pieces(source: IO[bytes], num_bytes: int | None) -> Iterator[bytes]:
    """The next `num_bytes` (None: all) of a file, or what there is of them."""
    while num_bytes is None or num_bytes > 0:
        piece = source.read(PIECE if num_bytes is None else min(PIECE, num_bytes))
        if not piece:
            return
        num_bytes = num_bytes and num_bytes - len(piece)
        yield piece


def _named(incoming: Path, name: str) -> Path:
    sha, _, rest = name.partition(".")
    if len(sha) != 64 or not HEX.issuperset(sha) or rest not in ("", "part"):
        raise Problem(f"{name!r} is no name of a file that comes")
    return incoming / name


def _below(root: Path, relative: str) -> Path:
    """Where a path below the root is; the other side may be anybody."""
    parts = relative.split("/") if relative else []
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Problem(f"{relative!r} leads out of {root}")
    target = root.joinpath(*parts)
    for folder in (target, *target.parents):
        if folder == root.parent:
            break
        if folder.is_symlink():
            raise Problem(f"{folder} is a link; put the file itself there")
    return target


def _put(came: Path, target: Path, program: bool, *, keep: bool, durably: bool) -> None:
    """By a name that whoever cleans up after a kill knows as a temporary one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    moved = target.with_name(f".{target.name}.far.tmp")
    if keep:
        shutil.copyfile(str(came), str(moved))
    else:
        came.replace(moved)
    moved.chmod(0o755 if program else 0o644)
    if durably:
        _fsync(moved)
    moved.replace(target)
    if durably:
        _fsync(target.parent)


def _delete(root: Path, paths: Iterable[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            _below(root, path).unlink()


def _fsync(path: Path) -> None:
    descriptor = os.open(str(path), os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def send(root: Path, files: Iterable[Sequence[Any]], sink: IO[bytes]) -> Answer:
    """Write files of [path, byte to begin with, bytes] one after the other."""
    for path, start, size in files:
        with _below(root, path).open("rb") as file:
            file.seek(start)
            for piece in _pieces(file, size - start):
                sink.write(piece)
    return {}


def survey(root: Path, incoming: Path, skipped: Sequence[str]) -> Answer:
    """What is in a folder, and what the other side must know before it sends anything."""
    return {
        "files": listing(root, skipped),
        "waiting": waiting(incoming),
        "free": shutil.disk_usage(".").free,
        "locked": is_locked(root),
        "commit": commit_of(root),
    }


def tidy(incoming: Path) -> Answer:
    """Delete what has come and was not put in place."""
    shutil.rmtree(str(incoming), ignore_errors=True)
    return {}


def answer(verb: str, request: Answer, source: IO[bytes], sink: IO[bytes]) -> Answer:
    """Do what the other side asks."""
    root, incoming = Path(request["root"]), Path(request["incoming"])
    verbs: dict[str, Callable[[], Answer]] = {
        "list": lambda: survey(root, incoming, request["skipped"]),
        "waiting": lambda: waiting(incoming),
        "free": lambda: {"free": shutil.disk_usage(".").free},
        "receive": lambda: {"count": receive(incoming, request["files"], source)},
        "arrived": lambda: {"whole": arrived(incoming, request["sha"])},
        "publish": lambda: {"missing": publish(root, incoming, request)},
        "beginning": lambda: {"sha256": beginning(root, request["num_bytes"])},
        "send": lambda: send(root, request["files"], sink),
        "tidy": lambda: tidy(incoming),
    }
    return verbs[verb]()


def main() -> int:
    """Answer one request."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        found = answer(sys.argv[1], json.loads(source.readline()), source, sink)
    except (Problem, OSError) as error:
        found = {"problem": str(error), "errno": getattr(error, "errno", None)}
    if sys.argv[1] != "send" or "problem" in found:
        sink.write(json.dumps(found).encode())
    sink.flush()
    return 1 if "problem" in found else 0


if __name__ == "__main__":
    sys.exit(main())
