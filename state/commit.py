"""state.json: the small record that makes a generation's files one commit.

It is written last and carries a sha256 over its own content, so that a torn or flipped file is
noticed and the commit before it is used.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from state.base import Record
from state.objects import ObjectStore
from state.run_folder import RunFolder
from state.run_lock import RunLock
from state.sealed import DamagedDocument, Document, unseal

__all__ = [
    "MIGRATIONS",
    "SCHEMA_VERSION",
    "CommitRecord",
    "DamagedCommit",
    "Kept",
    "LoadedCommit",
    "RunLock",
    "load_commit",
    "migrate",
    "read_commit",
]

SCHEMA_VERSION = 2

Migration = Callable[[Document], Document]


def _keep_objects(document: Document) -> Document:
    """Schema 1 kept nothing but what it needed, and had its generation in the summary alone."""
    summary = document.get("summary")
    generation = summary.get("generation") if isinstance(summary, dict) else None
    return {**document, "generation": generation, "kept": {"champions": {}, "earlier": []}}


MIGRATIONS: dict[int, Migration] = {1: _keep_objects}
"""For each older schema, the step to the next one."""


class DamagedCommit(ValueError):  # noqa: N818
    """A commit record, or an object that it needs, cannot be used."""


class NewerSchema(ValueError):  # noqa: N818
    """A later version of the program wrote the record; going back would lose its work."""


class Kept(Record):
    """Objects that a run could do without, for those who want to go back to an earlier point."""

    champions: dict[str, int] = Field(default_factory=dict)
    """sha256 -> bytes of the champions at each phase end: kept for ever."""
    earlier: tuple[tuple[str, int], ...] = ()
    """(sha256, bytes) of what commits of concluded stages needed, newest first."""

    @property
    def names(self) -> set[str]:
        """The sha256 of every object."""
        return {*self.champions, *(sha for sha, _ in self.earlier)}


class CommitRecord(Record):
    """Everything that a run needs to go on, but for the tensors that it names."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    written_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
    """ISO 8601, UTC. Nothing is decided by it."""
    generation: int = Field(ge=0)
    """Number of the next generation, or of the open one."""
    summary: dict[str, JsonValue]
    """For people who open the file."""
    state: dict[str, JsonValue]
    """The controller's own."""
    objects: dict[str, int]
    """sha256 -> bytes of every object that this commit needs."""
    kept: Kept = Kept()
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


def load_commit(folder: RunFolder, verify_objects: bool = True) -> LoadedCommit:
    """The last commit, or the one before where the last cannot be used.

    `verify_objects` hashes every object that the commit needs; a reader that only wants the
    summary can do without.

    Raises:
        ValueError: there is no commit, none can be used, or a newer version wrote it.
    """
    if not folder.state.exists() and not folder.state_previous.exists():
        raise ValueError(
            f"{folder.state} does not exist; give the folder of a run or its state.json, "
            "or start a new run with --data"
        )
    try:
        record = _load(folder, folder.state, verify_objects)
        return LoadedCommit(record=record, fell_back=False, message=None)
    except DamagedCommit as damage:
        return _load_previous(folder, verify_objects, damage)


def read_commit(path: Path) -> CommitRecord:
    """The record in one file, brought to this schema.

    Raises:
        DamagedCommit: it cannot be used.
        NewerSchema: a later version wrote it.
    """
    try:
        return CommitRecord.model_validate(migrate(unseal(path.read_bytes())))
    except OSError as error:
        raise DamagedCommit(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DamagedCommit(f"{path} is no commit record ({where}: {first['msg']})") from error
    except (DamagedCommit, DamagedDocument) as error:
        raise DamagedCommit(f"{path} is damaged ({error})") from error


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
    record = read_commit(path)
    objects = ObjectStore(folder.objects)
    try:
        for sha, num_bytes in record.objects.items() if verify_objects else ():
            objects.verify(sha, num_bytes)
    except (OSError, ValueError) as error:
        raise DamagedCommit(f"{path} needs an object that cannot be used ({error})") from error
    return record
