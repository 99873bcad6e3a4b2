"""What is sent of the program itself: its sources, and which packages it needs there."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from deploy.remote.far_files import files_here
from deploy.remote.transfer import FileHere

NAME = "symbio-auto"
PACKAGES = ("orchestrator", "trainer", "inference_battery", "state", "dashboard", "deploy")
KINDS = ("--cached", "--others", "--exclude-standard")
"""Of files: what is tracked, and what is new and not ignored."""
LOCK = "requirements.lock"


def files_of_code(code_root: Path) -> list[FileHere]:
    """The packages' files below `code_root`, the lock file, and the metadata with the version.

    Of a checkout what git does not ignore, as it is now; else what is installed, with a lock file
    made of the versions that are installed here.

    Raises:
        ValueError: there is no program, or a link in it.
    """
    if not (code_root / "orchestrator" / "cli.py").is_file():
        raise ValueError(f"{code_root} holds no {NAME}; give a checkout, or leave it out")
    wanted = _not_ignored(code_root)
    files = [one for name in PACKAGES for one in files_here(code_root / name, f"{name}/")]
    own = [one for one in files if _is_source(one.path) and (not wanted or one.path in wanted)]
    lock = code_root / LOCK
    text = lock.read_text(encoding="utf-8") if lock.is_file() else "\n".join(_installed())
    metadata = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {_version()}\n"
    folder = f"{NAME.replace('-', '_')}-{_version()}.dist-info"
    return [
        *own,
        _made(LOCK, _of_any_build(text)),
        _made(f"{folder}/METADATA", metadata),
    ]


def lock_hash(files: list[FileHere]) -> str:
    """Changes with what is to be installed."""
    return next(one.sha256 for one in files if one.path == LOCK)


def _not_ignored(code_root: Path) -> set[str]:
    """Empty where git knows nothing of the folder."""
    if not (code_root / ".git").exists():
        return set()
    command = ["git", "-C", str(code_root), "ls-files", "-z", *KINDS, *PACKAGES]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"{code_root}: git cannot list its files ({error})") from error
    return set(listed.decode().split("\0"))


def _is_source(path: str) -> bool:
    return "__pycache__" not in path and not path.endswith(".pyc")


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0"


def _made(path: str, text: str) -> FileHere:
    data = text.encode()
    return FileHere(path, len(data), False, hashlib.sha256(data).hexdigest(), data)


def _of_any_build(text: str) -> str:
    """Without the local part of versions: which build of torch is right depends on the machine."""
    return re.sub(r"^([\w.-]+==[^+\s]+)\+[\w.]+", r"\1", text, flags=re.MULTILINE)


def _installed() -> list[str]:
    """Name and version of everything that the program needs, as it is installed here."""
    found: dict[str, str] = {}
    waiting = [*_required(NAME)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = version(name)
            waiting += _required(name)
    return [f"{name}=={number}" for name, number in sorted(found.items())]


def _required(name: str) -> Iterator[str]:
    """Without extras, and without what is not installed: nobody can have needed it here."""
    for text in distribution(name).requires or ():
        found = re.match(r"[\w.-]+", text)
        if found is None or re.search(r"\bextra\s*==", text):
            continue
        try:
            version(found[0])
        except PackageNotFoundError:
            continue
        yield found[0].lower()
