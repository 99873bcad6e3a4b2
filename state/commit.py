"""state.json: the small record that makes a generation's files one commit.

It is written last and carries a sha256 over its own content, so that a torn or flipped file is
noticed and the commit before it is used.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue, ValidationError

from state import durable
from state.base import Record
from state.objects import ObjectStore
from state.run_folder import RunFolder
from state.run_lock import RunLock

__all__ = [
    "MIGRATIONS",
    "SCHEMA_VERSION",
    "CommitRecord",
    "DamagedCommit",
    "LoadedCommit",
    "RunLock",
    "load_commit",
    "migrate",
    "publish_commit",
    "reachable_objects",
]

SCHEMA_VERSION = 1

Document = dict[str, JsonValue]
Migration = Callable[[Document], Document]

MIGRATIONS: dict[int, Migration] = {}
"""For each older schema, the step to the next one."""


class DamagedCommit(ValueError):  # noqa: N818
    """A commit record, or an object that it needs, cannot be used."""


class NewerSchema(ValueError):  # noqa: N818
    """A later version of the program wrote the record; going back would lose its work."""


class CommitRecord(Record):
    """Everything that a run needs to go on, but for the tensors that it names."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    written_at: str
    """ISO 8601, UTC. Nothing is decided by it."""
    summary: dict[str, JsonValue]
    """For people who open the file."""
    state: dict[str, JsonValue]
    """The controller's own."""
    objects: dict[str, int]
    """sha256 -> bytes of every object that this commit needs."""
    journal_bytes: dict[str, int]
    """Name -> length of the append-only files at this commit."""
    environment: dict[str, JsonValue]
    """What bit-identical resumption depends on."""


class LoadedCommit(Record):
    """The newest usable commit."""

    record: CommitRecord
    fell_back: bool
    """It is the previous one."""
    message: str | None
    """Why, in one line."""


def publish_commit(folder: RunFolder, record: CommitRecord) -> None:
    """Replace state.json by `record` and keep the one before as state.json.prev.

    The new record is in place before the old one moves, so two intact commits exist at every
    instant once there have been two. A damaged state.json is not kept.

    Raises:
        ValueError: a number in the record is not finite.
        OutOfSpace: the disk is full; the old commit is still valid.
    """
    data = _render(record.model_dump())
    previous = _intact_bytes(folder.state)
    durable.write_atomically(folder.state, data)
    if previous is not None:
        durable.write_atomically(folder.state_previous, previous)
    durable.remove_temporaries(folder.root, folder.state.name)


def load_commit(folder: RunFolder, verify_objects: bool = True) -> LoadedCommit:
    """The last commit, or the one before where the last cannot be used.

    `verify_objects` hashes every object that the commit needs; a reader that only wants the
    summary can do without.

    Raises:
        ValueError: there is no commit, none can be used, or a newer version wrote it.
    """
    if not folder.state.exists() and not folder.state_previous.exists():
        raise ValueError(
            f"{folder.state} does not exist; give --resume the state.json of a run, "
            "or start a new run with --data"
        )
    try:
        record = _load(folder, folder.state, verify_objects)
        return LoadedCommit(record=record, fell_back=False, message=None)
    except DamagedCommit as damage:
        return _load_previous(folder, verify_objects, damage)


def reachable_objects(folder: RunFolder) -> set[str]:
    """The objects that the commits on disk name: what a collection must keep.

    Raises:
        ValueError: a newer version wrote a commit.
    """
    reachable: set[str] = set()
    for path in (folder.state, folder.state_previous):
        try:
            reachable |= _read_record(path).objects.keys()
        except DamagedCommit:
            continue
    return reachable


def migrate(
    document: Document,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    version: int = SCHEMA_VERSION,
) -> Document:
    """Bring a record's content from its own schema to `version`.

    Raises:
        NewerSchema: it is from a later version.
        DamagedCommit: it has no schema, or one that no step starts from.
    """
    found = document.get("schema_version")
    if not isinstance(found, int):
        raise DamagedCommit("it names no schema")
    if found > version:
        raise NewerSchema(
            f"state.json has schema {found}, this version reads up to {version}; "
            "upgrade symbio-auto"
        )
    for schema in range(found, version):
        if schema not in migrations:
            raise DamagedCommit(f"schema {schema} is older than this version reads")
        document = {**migrations[schema](document), "schema_version": schema + 1}
    return document


def _load_previous(folder: RunFolder, verify_objects: bool, damage: DamagedCommit) -> LoadedCommit:
    try:
        record = _load(folder, folder.state_previous, verify_objects)
    except DamagedCommit as second:
        raise ValueError(
            f"no commit of {folder.root} can be used: {damage}; {second}; "
            "restore one from a copy, or start again with another --run-dir"
        ) from second
    message = f"{damage}; going on from the previous commit, written {record.written_at}"
    return LoadedCommit(record=record, fell_back=True, message=message)


def _load(folder: RunFolder, path: Path, verify_objects: bool) -> CommitRecord:
    record = _read_record(path)
    objects = ObjectStore(folder.objects)
    try:
        for sha, num_bytes in record.objects.items() if verify_objects else ():
            objects.verify(sha, num_bytes)
    except (OSError, ValueError) as error:
        raise DamagedCommit(f"{path} needs an object that cannot be used ({error})") from error
    return record


def _read_record(path: Path) -> CommitRecord:
    try:
        return CommitRecord.model_validate(migrate(_parse(path.read_bytes())))
    except OSError as error:
        raise DamagedCommit(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DamagedCommit(f"{path} is no commit record ({where}: {first['msg']})") from error
    except DamagedCommit as error:
        raise DamagedCommit(f"{path} is damaged ({error})") from error


def _intact_bytes(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
        _parse(data)
    except (OSError, DamagedCommit):
        return None
    return data


def _render(document: Document) -> bytes:
    sealed = {"sha256": _digest(document), **document}
    return (json.dumps(sealed, indent=1, allow_nan=False) + "\n").encode()


def _parse(data: bytes) -> Document:
    try:
        document = json.loads(data)
        if isinstance(document, dict) and document.pop("sha256", None) == _digest(document):
            return document
    except (ValueError, RecursionError) as error:
        raise DamagedCommit("it is not whole JSON") from error
    raise DamagedCommit("its content does not have the sha256 that it states")


def _digest(document: Document) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
