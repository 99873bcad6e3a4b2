"""A folder here and one on the far side made the same: only what differs travels."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.remote import far_side
from deploy.remote.far_program import FarDiskFull, FarProgram
from deploy.remote.transfer import FileHere, FileThere, bring, fetch

ATTEMPTS = 3
"""For files that did not come as they were listed."""
SPARE_BYTES = 1 << 20

Told = Callable[[str], None]


class Listing(NamedTuple):
    """A folder of the far side."""

    files: dict[str, FileThere]
    """By path."""
    free_bytes: int
    waiting: dict[str, int]
    """Names and bytes of what has come and is not in place yet. See `far_side.waiting`."""
    locked: bool
    """As a run's folder: somebody works there."""
    commit: dict[str, Any]
    """See `far_side.commit_of`."""


class Sent(NamedTuple):
    """How much was new."""

    num_files: int
    num_bytes: int


def files_here(root: Path, prefix: str = "") -> list[FileHere]:
    """Every file below `root`, or `root` itself, as it would be sent.

    Raises:
        ValueError: there is a link.
    """
    try:
        listed = far_side.listing(root, far_side.NOT_SENT)
    except far_side.Problem as error:
        raise ValueError(str(error)) from error
    return [
        FileHere(prefix + path, size, program, sha, root / path)
        for path, size, program, sha in listed
    ]


def listing(far: FarProgram, root: str) -> Listing:
    """What is in a folder there.

    Raises:
        ValueError: there is a link.
    """
    found = far.ask("list", root, skipped=[*far_side.NOT_SENT])
    return Listing(
        files={one[0]: FileThere(*one) for one in found["files"]},
        free_bytes=found["free"],
        waiting=found["waiting"],
        locked=found["locked"],
        commit=found["commit"],
    )


def put(
    far: FarProgram,
    root: str,
    files: Sequence[FileHere],
    there: Listing,
    *,
    told: Told,
    before: Iterable[str] = (),
    after: Iterable[str] = (),
    lock: bool = False,
) -> Sent:
    """Make `root` hold `files`, in their order. See `far_side.publish` for the rest.

    Raises:
        ValueError: the disk there is full, or somebody works on the run.
    """
    new = [one for one in files if there.files.get(one.path) != FileThere(*one[:4])]
    sent = Sent(len(new), sum(one.num_bytes for one in new))
    _require_room(far, sent.num_bytes - sum(there.waiting.values()), there.free_bytes)
    request: dict[str, Any] = {
        "files": [[one.path, one.sha256, one.program] for one in new],
        "before": [*before],
        "after": [*after],
        "lock": lock,
    }
    if new:
        told(f"sending {len(new)} files, {megabytes(sent.num_bytes)}")
    missing = [one.sha256 for one in new]
    known = [there.waiting]
    for _ in range(ATTEMPTS):
        try:
            far.connection.steadily(lambda: bring(far, new, known.pop() if known else None))
            missing = far.ask("publish", root, **request)["missing"]
        except FarDiskFull:
            there = listing(far, root)
            _require_room(far, sent.num_bytes - sum(there.waiting.values()), there.free_bytes)
            raise
        if not missing:
            return sent
    raise ValueError(f"{len(missing)} files of {root} did not come as they were sent; try again")


def get(
    far: FarProgram, root: str, files: Iterable[FileThere], incoming: Path, *, told: Told
) -> None:
    """Bring files to the folder `incoming`, named by their sha256.

    Raises:
        ValueError: the disk here is full, or a file is not what was listed.
    """
    by_hash = {one.sha256: one for one in files}
    num_bytes = sum(one.num_bytes for one in by_hash.values())
    incoming.mkdir(parents=True, exist_ok=True)
    free, come = shutil.disk_usage(incoming).free, sum(far_side.waiting(incoming).values())
    if num_bytes - come + SPARE_BYTES > free:
        raise ValueError(
            f"{incoming.parent} needs {megabytes(num_bytes - come)} and its disk has "
            f"{megabytes(free)} free; free some, or fetch elsewhere"
        )
    if by_hash:
        told(f"fetching {len(by_hash)} files, {megabytes(num_bytes)}")
    for _ in range(ATTEMPTS):
        far.connection.steadily(lambda: fetch(far, root, by_hash, incoming))
        if all((incoming / sha).exists() for sha in by_hash):
            return
    raise ValueError(f"files of {root} changed there while they were fetched; try again")


def megabytes(num_bytes: int) -> str:
    """For people."""
    return f"{num_bytes / 1e6:,.1f} MB"


def _require_room(far: FarProgram, needed: int, free: int) -> None:
    if needed + SPARE_BYTES > free:
        raise ValueError(
            f"{far.connection.address} needs {megabytes(needed + SPARE_BYTES)} in {far.home} and "
            f"its disk has {megabytes(free)} free; free {megabytes(needed + SPARE_BYTES - free)} "
            "there, or take a larger disk"
        )
