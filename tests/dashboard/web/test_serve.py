"""`symbio-auto serve` as a process: how it starts, answers and stops."""

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from dashboard.web.settings import ServerSettings
from orchestrator.cli import main
from orchestrator.commands.serve import listening_socket, print_start, settings_of
from orchestrator.grammar import build_parser
from tests.dashboard.web.clients import BEARER, SECRET, steps

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-c", "from orchestrator.cli import main; raise SystemExit(main())")


class Server:
    """A process that serves."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *flags],
            cwd=folder,
            env={**os.environ, "SYMBIO_REMOTE_SECRET": SECRET, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 60)[0]
        self.line = self.process.stdout.readline()
        self.port = int(self.line.partition("//")[2].partition("/")[0].rpartition(":")[2])

    def ask(
        self, method: str, path: str, body: bytes | None = None, timeout: float = 20
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, BEARER)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """(exit code, what it said on its error stream)."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said[-2000:]


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Server]:
    server = Server(folder, *flags)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate(timeout=20)


@contextmanager
def following(server: Server) -> Iterator[http.client.HTTPResponse]:
    """A page that is told of news."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/live")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type", "").startswith("text/event-stream")
    assert answer.readline()
    yield answer
    connection.close()


@pytest.mark.slow
def test_a_server_survives_its_clients_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    data = bytes(5_000_000)
    with serving(tmp_path) as server:
        assert server.line == (
            f"http://127.0.0.1:{server.port}/ shows runs in runs and what is reported to "
            "sqlite:///symbio-server/server.db\n"
        )
        report = json.dumps(steps(*range(1, 101))).encode()
        assert server.ask("POST", "/api/ingest", report) == (200, b'{"accepted":100,"held":100}')
        status, said = server.ask("POST", "/api/ingest", bytes(17 * 2**20))
        assert (status, b"send it in parts" in said) == (413, True)
        name = sha256(data).hexdigest()
        path = f"/api/runs/r/checkpoints/{name}"
        asked = json.dumps({"run_id": "r", "sha256": name, "bytes": len(data)}).encode()
        server.ask("POST", "/api/checkpoints", asked)
        server.ask("PUT", f"{path}?offset=0", data[:1_000_000])
        _break_off(server.port, f"{path}?offset=1000000", data[1_000_000:2_000_000])
        assert json.loads(server.ask("POST", "/api/checkpoints", asked)[1])["received"] == 1_000_000
        server.ask("PUT", f"{path}?offset=1000000", data[1_000_000:])
        assert server.ask("GET", path) == (200, data)
        with following(server) as news:
            assert server.stop(signal.SIGTERM) == (0, "")
            assert b"Traceback" not in news.read()
    assert sorted(path.name for path in (tmp_path / "symbio-server").iterdir()) == [
        "checkpoints",
        "server.db",
    ]
    with serving(tmp_path) as server:
        assert json.loads(server.ask("GET", "/api/runs")[1])[0]["latest_step"] == 100
        with following(server), following(server):
            assert server.stop(signal.SIGINT) == (0, "")


def _break_off(port: int, path: str, data: bytes) -> None:
    """Send half of what was announced and go."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\n"
        line.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data[: len(data) // 2])


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(["serve", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("symbio-auto: error: ")
    return line


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused(capsys, "--port", port)
    assert f"port {port} of 127.0.0.1 cannot be had (Address already in use)" in line


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--db", "nonsense"), "is no URL; write sqlite:///FILE"),
        (("--db", "sqlite:///no/where/x.db"), "does not exist; make it first"),
        (("--db", "mysql://u:hidden@h/x"), "cannot be kept in mysql"),
        (("--db", "postgresql://u:hidden@127.0.0.1:1/x"), "check the URL"),
        (("--runs", "no-such-folder"), "no-such-folder is no folder"),
        (("--port", "70000"), "--port 70000 is no port"),
        (("--host", "256.1.1.1"), "cannot be had"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    flags: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    port = () if "--port" in flags else ("--port", "0")
    line = refused(capsys, *flags, *port)
    assert said in line
    assert "hidden" not in line
    assert list(tmp_path.iterdir()) == []


def test_flags_and_environment_make_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = build_parser().parse_args(["serve"])
    settings = settings_of(plain, {})
    assert (settings.database, settings.runs, settings.takes_reports) == (None, (), False)
    settings = settings_of(plain, {"ALPHA_REMOTE_SECRET": "old", "SYMBIO_READ_SECRET": "hidden"})
    assert settings.database == "sqlite:///symbio-server/server.db"
    assert settings.remote_secret is not None
    assert settings.remote_secret.get_secret_value() == "old"
    assert settings.read_secret is not None
    assert "hidden" not in repr(settings)
    given = build_parser().parse_args(["serve", "--db", "sqlite:///b.db", "--allow-host", "a.b"])
    settings = settings_of(given, {"SYMBIO_DB_URL": "sqlite:///a.db"})
    assert (settings.database, settings.uploads) == ("sqlite:///b.db", Path("checkpoints"))
    assert settings.allowed_hosts == ("a.b",)


@pytest.mark.parametrize(
    ("host", "secret", "warned"),
    [("127.0.0.1", None, False), ("0.0.0.0", None, True), ("0.0.0.0", "hidden", False)],
)
def test_who_opens_the_server_to_others_is_told_so(
    host: str, secret: str | None, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ServerSettings.model_validate({"host": host, "read_secret": secret})
    with listening_socket("127.0.0.1", 0) as listener:
        print_start(settings, listener)
    said = capsys.readouterr()
    assert "shows nothing: there is no folder runs" in said.out
    assert ("anybody who reaches 0.0.0.0 can read" in said.err) == warned
    assert "hidden" not in said.out + said.err


def test_the_help_imports_no_server() -> None:
    code = (
        "import sys\nfrom orchestrator.grammar import build_parser\n"
        "from orchestrator.commands import serve\nbuild_parser()\n"
        "print([name for name in ('fastapi', 'uvicorn', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
