"""Part of a large text file, without reading all of it."""

from pathlib import Path

NUM_STRETCHES = 64


def excerpt(path: Path, most: int) -> str:
    """The file's text; of a longer one stretches spread evenly, `most` bytes in all.

    A stretch may begin or end inside a character, which is then left out.
    """
    size = path.stat().st_size
    if size <= most:
        return path.read_bytes().decode("utf-8")
    length, found = most // NUM_STRETCHES, []
    with path.open("rb") as file:
        for index in range(NUM_STRETCHES):
            file.seek((size - length) * index // (NUM_STRETCHES - 1))
            found.append(file.read(length).decode("utf-8", "ignore"))
    return "\n".join(found)
