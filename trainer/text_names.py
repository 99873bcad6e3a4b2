"""Which files are the text that somebody names: one rule for all who count, sample or read it."""

from pathlib import Path

SUFFIXES = (".txt", ".md", ".jsonl")


def text_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder and of the folders in it, sorted; hidden ones and what
    runs have written down are left out.

    Raises:
        ValueError: there is no such text.
        OSError: a folder cannot be read.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise ValueError(f"{path} does not exist; give --data a text file, a folder or JSONL")
    if not path.is_dir():
        raise ValueError(f"{path} is not a regular file; give --data a text file or a folder")
    runs = {found.parent for found in path.rglob("state.json") if _is_run(found.parent)} - {path}
    files = [
        found
        for found in sorted(path.rglob("*"), key=lambda found: found.relative_to(path).as_posix())
        if found.suffix.lower() in SUFFIXES
        and not any(part[0] == "." for part in found.relative_to(path).parts)
        and runs.isdisjoint(found.parents)
        and found.is_file()
    ]
    if not files:
        raise ValueError(f"{path} holds no {', '.join(SUFFIXES)} file; name the files themselves")
    return files


def _is_run(folder: Path) -> bool:
    return (folder / "metrics.db").is_file()
