"""The program as a fuzz test sees it: arguments in; exit code, streams and changed files out.

It runs in this process, with streams that encode as a terminal's do, so that thousands of calls
cost seconds and an exception that nobody caught is the test's failure.
"""

import hashlib
import io
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Literal, NamedTuple

from orchestrator.cli import main

Verdict = Literal["accepted", "refused"]

NOT_CONTENT = (".db-shm", ".db-wal")
"""Endings of what SQLite keeps beside a database, also for those who only read."""


class Reply(NamedTuple):
    """What one call left."""

    code: int
    stdout: str
    stderr: str


def call(*arguments: str) -> Reply:
    """Run the program; only `SystemExit` of the parser becomes an exit code."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            code = main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
    return Reply(code, _written(stdout), _written(stderr))


def verdict(reply: Reply) -> Verdict:
    """Accepted in silence, or refused with one line and exit code 2; anything else fails."""
    if reply.code == 0:
        assert not reply.stderr, reply.stderr
        return "accepted"
    assert reply.code == 2, reply
    assert not reply.stdout, reply.stdout
    assert reply.stderr.endswith("\n"), reply.stderr
    assert len(reply.stderr.splitlines()) == 1, reply.stderr
    assert reply.stderr[:-1].isprintable(), reply.stderr
    assert len(reply.stderr) < 1000, f"a line of {len(reply.stderr)} characters"
    assert reply.stderr.startswith("symbio-auto: error: "), reply.stderr
    return "refused"


def tree(folder: Path) -> dict[str, str]:
    """Every name below `folder` and what it holds, links not followed."""
    return {
        path.relative_to(folder).as_posix(): _content(path)
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(NOT_CONTENT)
    }


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "closed"


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")
