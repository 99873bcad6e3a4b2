"""`symbio-auto serve`: pages and a read API over many runs, and a store that runs report to."""

import argparse
import ipaddress
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.web.settings import ServerSettings

DATABASE = "SYMBIO_DB_URL"
SECRETS = ("SYMBIO_REMOTE_SECRET", "ALPHA_REMOTE_SECRET")
READ_SECRET = "SYMBIO_READ_SECRET"
HOME = Path("symbio-server")
"""What the server itself keeps where it is told nothing else."""
RUNS = Path("runs")
SQLITE = "sqlite:///"


def run(arguments: argparse.Namespace) -> int:
    """Answer until somebody stops it.

    Raises:
        ValueError: a folder, the database or the port cannot be used.
    """
    from dashboard.web.settings import ServerSettings

    settings = settings_of(arguments, os.environ)
    assert isinstance(settings, ServerSettings)
    listener = listening_socket(settings.host, settings.port)
    with listener:
        from dashboard.web.app import create_app
        from dashboard.web.server import serve

        if settings.database == _own_database():
            HOME.mkdir(exist_ok=True)
        app = create_app(settings)
        print_start(settings, listener)
        serve(app, listener)
    return 0


def settings_of(arguments: argparse.Namespace, variables: Mapping[str, str]) -> "ServerSettings":
    """What the server is started with, by flags and environment.

    Raises:
        ValueError: a folder is missing, or the port is none.
    """
    from dashboard.web.settings import ServerSettings

    if not 0 <= arguments.port <= 65535:
        raise ValueError(f"--port {arguments.port} is no port; give one from 0 to 65535")
    secret = next((variables[name] for name in SECRETS if variables.get(name)), None)
    database = arguments.db or variables.get(DATABASE) or (_own_database() if secret else None)
    _require_database(database)
    return ServerSettings.model_validate(
        {
            "database": database,
            "runs": _run_folders(arguments.runs),
            "host": arguments.host,
            "port": arguments.port,
            "remote_secret": secret,
            "read_secret": variables.get(READ_SECRET) or None,
            "uploads": _uploads(database),
            "allowed_hosts": tuple(arguments.allow_host),
        }
    )


def _require_database(database: str | None) -> None:
    """Refuse what only looks like a URL, and a file that has no folder to lie in."""
    if database is None or database == _own_database():
        return
    if "://" not in database:
        raise ValueError(
            f"database {database!r} is no URL; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        )
    folder = Path(database.removeprefix(SQLITE)).parent
    if database.startswith(SQLITE) and not folder.is_dir():
        raise ValueError(f"the folder of database {database} does not exist; make it first")


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ValueError: the address cannot be listened at.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise _unreachable(host, port, error) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _unreachable(host, port, error) from None
    return listener


def _unreachable(host: str, port: int, error: OSError) -> ValueError:
    why = error.strerror or "it is no address"
    return ValueError(
        f"port {port} of {host} cannot be had ({why}); choose another with --port or --host"
    )


def _own_database() -> str:
    return f"{SQLITE}{HOME / 'server.db'}"


def _run_folders(given: list[Path] | None) -> tuple[Path, ...]:
    for folder in given or ():
        if not folder.is_dir():
            raise ValueError(f"--runs {folder} is no folder; give one that holds runs")
    if given is not None:
        return tuple(given)
    return (RUNS,) if RUNS.is_dir() else ()


def _uploads(database: str | None) -> Path:
    """Beside a store that is a file, else below the server's own folder."""
    if database is not None and database.startswith(SQLITE):
        return Path(database.removeprefix(SQLITE)).parent / "checkpoints"
    return HOME / "checkpoints"


def print_start(settings: "ServerSettings", listener: socket.socket) -> None:
    """Say in one line where the server is and what it shows, and who can read that."""
    from dashboard.web.security import is_loopback
    from state.database_url import shown

    host, port = listener.getsockname()[:2]
    everywhere = ipaddress.ip_address(host.partition("%")[0]).is_unspecified
    name = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    shows = [f"runs in {', '.join(map(str, settings.runs))}"] if settings.runs else []
    if settings.database is not None:
        shows.append(f"what is reported to {shown(settings.database)}")
    what = " and ".join(shows) or "nothing: there is no folder runs, give one with --runs"
    print(f"http://{name}:{port}/ shows {what}", flush=True)
    if not is_loopback(settings.host) and settings.read_secret is None:
        print(
            f"symbio-auto: anybody who reaches {settings.host} can read; "
            f"set {READ_SECRET} to close it",
            file=sys.stderr,
            flush=True,
        )
