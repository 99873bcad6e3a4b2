"""What listens on the network while a run works, and who may talk to it."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

import psutil

from orchestrator.commands.doctor_checks import Check
from orchestrator.ray_head import descendants


class Listener(NamedTuple):
    """A TCP port that a process listens on."""

    program: str
    address: str
    port: int


def socket_checks() -> list[Check]:
    """The ports of this process, those of a short Ray, and the file with Ray's token."""
    return [inline_check(), ray_check(), token_file_check(token_file())]


def listeners() -> list[Listener]:
    """The ports of this process and of every process below it."""
    found = set()
    for process in (psutil.Process(), *descendants()):
        try:
            for one in process.net_connections(kind="tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr:
                    found.add(Listener(process.name(), str(one.laddr[0]), int(one.laddr[1])))
        except psutil.Error:
            continue
    return sorted(found)


def inline_check() -> Check:
    """`--engine inline` works in one process, which is this one."""
    found = listeners()
    return Check(
        name="inline sockets",
        ok=not found,
        found=_listing(found) or "none",
        remedy="something besides symbio-auto was loaded into this process; look at its ports",
    )


def ray_check() -> Check:
    """Ray listens on every interface whatever it is asked for; what protects it is its token."""
    from orchestrator.workers import brief_ray

    name = "ray sockets"
    try:
        with brief_ray():
            found = listeners()
    except RuntimeError as error:
        return Check(name=name, ok=False, found=str(error), remedy="use --engine inline")
    guarded = os.environ.get("RAY_AUTH_MODE") == "token"
    return Check(
        name=name,
        ok=guarded,
        found=f"{_listing(found)}; {'a token guards them' if guarded else 'nothing guards them'}",
        remedy="unset RAY_AUTH_MODE, or use --engine inline",
    )


def token_file() -> Path:
    """Where Ray looks for a token that is not in the environment."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def token_file_check(path: Path) -> Check:
    """A run of our own needs none: its token lives in the environment of its processes."""
    name = "ray token file"
    if not path.exists():
        return Check(name=name, ok=True, found="none; each run makes a token of its own")
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check(
        name=name,
        ok=mode & 0o077 == 0,
        found=f"{path} has mode {mode:04o}",
        remedy=f"others can read it; chmod 600 {path}",
    )


def _listing(found: list[Listener]) -> str:
    return ", ".join(f"{one.program} {one.address}:{one.port}" for one in found)
