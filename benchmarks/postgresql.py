"""A PostgreSQL of one's own on loopback, for measuring and testing; gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "symbio"
_INSTALLED = Path("/usr/lib/postgresql")
_OTHERS = ("postgres", "nobody")
"""Whose the cluster is when root asks: PostgreSQL refuses root."""


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl of the newest version; None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = [path.parent for path in _INSTALLED.glob("*/bin/initdb")]
    return max(folders, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def cluster(*, durable: bool = True) -> Iterator[str]:
    """A server that runs until the end; gives the URL of its database `postgres`.

    Raises:
        FileNotFoundError: no PostgreSQL is installed.
    """
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("no PostgreSQL is installed; apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="symbio-postgresql-"))
    if (owner := _owner()) is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    port = _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    data = ["-D", str(folder / "data")]
    control = [str(programs / "pg_ctl"), *data, "-w", "-l", str(folder / "log")]
    making = ["-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"]
    try:
        _run([str(programs / "initdb"), *data, *making], folder)
        fsync = "" if durable else " -c fsync=off"
        _run([*control, "-o", options + fsync, "start"], folder)
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    """Who is not root; None where we are not."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name: one for one in pwd.getpwall()}
    return next(known[name] for name in _OTHERS if name in known)


def _run(command: list[str], folder: Path) -> None:
    owner = _owner()
    if owner is not None:
        command = ["runuser", "-u", owner.pw_name, "--", *command]
    # Its output goes to a file: a server that was started would hold a pipe open.
    with (folder / "output").open("ab") as output:
        done = subprocess.run(
            command, stdout=output, stderr=output, cwd=folder, check=False, timeout=60
        )
    if done.returncode:
        said = (folder / "output").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{command[-1]} of PostgreSQL failed: {said[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
