"""Reporters and servers as processes of their own, and people who listen."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.dashboard.reporter.receivers import SECRET

ROOT = Path(__file__).parents[3]
SYMBIO_AUTO = (sys.executable, "-c", "from orchestrator.cli import main; raise SystemExit(main())")


class Listener(ThreadingHTTPServer):
    """Somebody who is told, at a `json://` address of Apprise whose path is a secret."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hearing)
        self.messages: list[tuple[str, str]] = []
        self.answers = 200

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/channel-secret"

    def told(self, word: str) -> list[str]:
        """The texts of the messages with a title that ends so."""
        return [body for title, body in self.messages if title.endswith(word)]


class _Hearing(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        heard = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.messages.append((heard["title"], heard["message"]))
        self.send_response(self.server.answers)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listener() -> Iterator[Listener]:
    """Somebody who listens."""
    with Listener() as hearing:
        thread = threading.Thread(target=hearing.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hearing
        finally:
            hearing.shutdown()
            thread.join()


def environment(url: str = "", addresses: str = "") -> dict[str, str]:
    """Of a reporter: nothing of this process's own addresses."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "SYMBIO_REMOTE_URL": url,
        "SYMBIO_REMOTE_SECRET": SECRET,
        "SYMBIO_NOTIFY_URLS": addresses,
    }


def reporter(folder: Path, variables: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    """As a run starts one: it ends when its standard input does."""
    with (folder / "reporter.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.reporter", str(folder), "--piped", *options],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def serve(folder: Path, port: int) -> "subprocess.Popen[str]":
    """`symbio-auto serve` with a database in `folder`, once it answers."""
    (folder / "runs").mkdir(exist_ok=True)
    command = ("serve", "--runs", "runs", "--db", "sqlite:///server.db", "--port", str(port))
    process = subprocess.Popen(
        [*SYMBIO_AUTO, *command],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    until(lambda: answers(port) or process.poll() is not None, 60)
    assert process.poll() is None, "the server ended"
    return process


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def until(happened: Callable[[], object], seconds: float) -> None:
    """Wait for it.

    Raises:
        AssertionError: in vain.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
