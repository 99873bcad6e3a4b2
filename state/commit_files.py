"""The two commit files of a run as its one writer knows them: read once, then remembered."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from state import durable
from state.commit import CommitRecord, DamagedCommit, Kept, read_commit
from state.grown_lists import GrownLists
from state.objects import RESERVE_BYTES
from state.run_folder import RunFolder
from state.sealed import Text, seal


class _Commit(NamedTuple):
    """What the next commit must know of one that is on disk."""

    data: bytes
    generation: int
    kept: Kept
    names: frozenset[str]


class CommitFiles:
    """state.json and state.json.prev. Whoever publishes holds the run's lock."""

    def __init__(self, folder: RunFolder) -> None:
        """
        Raises:
            ValueError: a newer version wrote a commit.
        """
        self.folder = folder
        self.lists = GrownLists()
        """Of the states that are published."""
        self._newest = _intact(folder.state)
        self._previous = _intact(folder.state_previous)

    @property
    def reachable(self) -> set[str]:
        """The sha256 of every object that an intact commit names: what a collection must keep."""
        return {sha for one in (self._newest, self._previous) if one for sha in one.names}

    @property
    def kept(self) -> Kept:
        """What the newest intact commit keeps besides what it needs."""
        newest = self._newest or self._previous
        return newest.kept if newest else Kept()

    def publish(self, record: CommitRecord, state: Text | None = None) -> None:
        """Replace state.json by `record`; state.json.prev is a commit of an earlier generation.

        `state` is the record's where it was encoded before; the record's own is not looked at.

        The new record is in place before the old one moves, so two intact commits exist at every
        instant once there have been two. A damaged state.json is not kept, and one of the same
        generation only where there is no other: stops and resumptions do not push out the last
        commit that can do without the newest objects.

        Raises:
            ValueError: a number in the record is not finite.
            OutOfSpace: the disk is full, or would be; the old commit is still valid.
        """
        folder, last = self.folder, self._newest
        document = {**dict(record), "kept": record.kept.model_dump()}
        data = seal({**document, "state": state or record.state}, in_lines=True)
        durable.require_free(folder.state, 2 * len(data) + RESERVE_BYTES)
        durable.write_atomically(folder.state, data)
        self._newest = _commit(data, record)
        if last and (last.generation < record.generation or not self._previous):
            durable.write_atomically(folder.state_previous, last.data)
            self._previous = last
        durable.remove_temporaries(folder.root, folder.state.name)


def _intact(path: Path) -> _Commit | None:
    with suppress(OSError, DamagedCommit):
        return _commit(path.read_bytes(), read_commit(path))
    return None


def _commit(data: bytes, record: CommitRecord) -> _Commit:
    names = frozenset((*record.objects, *record.kept.names))
    return _Commit(data, record.generation, record.kept, names)
