"""The folder that an export is written to: whole or not at all, and nobody else's files lost.

`export.json` in it lists the files with their sha256. A folder is replaced only if it is empty or
holds exactly what such a list says: a file that was changed or added belongs to the user.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import JsonValue, ValidationError

from state.base import Record
from state.durable import write_atomically

LIST_NAME = "export.json"
BYTECODE = "__pycache__"
"""What Python leaves beside an imported model.py."""


class ExportList(Record):
    """What `export.json` says."""

    made_by: str
    format: str
    checkpoint: str
    """sha256 of the checkpoint in the run's objects."""
    files: dict[str, str]
    """sha256 of each other file by its name."""


def write_files(folder: Path, files: dict[str, bytes], facts: dict[str, str]) -> None:
    """Write the files and, last, the list of them; `facts` are the list's other fields."""
    for name, data in files.items():
        write_atomically(folder / name, data)
    hashes: dict[str, JsonValue] = {name: _sha256(data) for name, data in sorted(files.items())}
    content = ExportList.model_validate({**facts, "files": hashes}).model_dump()
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    write_atomically(folder / LIST_NAME, text.encode())


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `target` when the block ends without an exception.

    Raises:
        ValueError: `target` is a file, holds something else than an earlier export, or cannot be
            written.
    """
    target = Path(os.path.abspath(target.expanduser()))  # noqa: PTH100 - links stay as they are
    require_replaceable(target)
    with _refusals(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging
        with _refusals(target):
            staging.chmod(0o777 & ~_umask())
            _take_the_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def require_replaceable(target: Path) -> None:
    """Refuse a target whose files an export would destroy.

    Raises:
        ValueError: naming the first such file.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise ValueError(f"--to {target} is no folder; give a new one")
    with _refusals(target):
        names = sorted(path.name for path in target.iterdir() if path.name != BYTECODE)
        known = _listed(target) if LIST_NAME in names else {}
        foreign = [name for name in names if not _is_ours(target / name, known)]
    if foreign:
        why = (
            "was changed since it was exported"
            if foreign[0] in known
            else "symbio-auto export did not write"
        )
        raise ValueError(
            f"--to {target} holds {foreign[0]!r}, which {why}; give an empty or a new folder"
        )


def _is_ours(path: Path, known: dict[str, str]) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    return path.name == LIST_NAME or known.get(path.name) == _sha256(path.read_bytes())


def _listed(target: Path) -> dict[str, str]:
    with suppress(ValidationError):
        return ExportList.model_validate_json((target / LIST_NAME).read_bytes()).files
    return {}


def _take_the_place(staging: Path, target: Path) -> None:
    """Two renames; if the second fails the first is taken back."""
    if not target.is_dir():
        staging.rename(target)
        return
    before = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent)) / "before"
    try:
        target.rename(before)
        try:
            staging.rename(target)
        except OSError:
            before.rename(target)
            raise
    finally:
        shutil.rmtree(before.parent, ignore_errors=True)


@contextmanager
def _refusals(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"--to {target} cannot be written ({error.strerror}); give another folder"
        ) from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
