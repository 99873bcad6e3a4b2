"""What a run prints on the far side, as lines, across broken connections."""

import time
from collections.abc import Callable, Iterator

from deploy.remote.connection import Connection

PIECE_BYTES = 1 << 18
POLL_SECONDS = 0.5


def follow_output(connection: Connection, path: str, *, works: Callable[[], bool]) -> Iterator[str]:
    """Every line of the file from its first, without its end; more for as long as `works` holds.

    A file that became shorter is another one, and is read from its beginning.
    """
    offset, rest, ended = 0, b"", False
    while True:
        start, piece = connection.steadily(lambda offset=offset: _read(connection, path, offset))  # type: ignore[misc]
        rest = b"" if start < offset else rest
        offset = start + len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
        if piece:
            continue
        if ended:
            break
        # Once more afterwards, for what was printed before the end.
        ended = not works()
        if not ended:
            time.sleep(POLL_SECONDS)
    if rest:
        yield rest.decode(errors="replace")


def _read(connection: Connection, path: str, offset: int) -> tuple[int, bytes]:
    """Where it was read from, and what there is."""
    try:
        with connection.sftp().open(path, "rb") as file:
            start = offset if (file.stat().st_size or 0) >= offset else 0
            file.seek(start)
            return start, file.read(PIECE_BYTES)
    except FileNotFoundError:
        return offset, b""
