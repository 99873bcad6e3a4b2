"""A server's store in memory and over real sockets, with every way of failing a request."""

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import JsonValue

from dashboard.reporter.client import Answer
from dashboard.reporter.destination import Destination
from state import wire
from state.wire import Forget, Rows

Failure = Literal["ok", "500", "429", "401", "cut", "unheard", "slow", "twice", "foreign"]
"""`cut` ends the connection in the middle of an answer, `unheard` before one; both apply."""
SECRET = "a-secret-of-tests"


class Store:
    """Rows by table and key, as a server has them after any messages."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in wire.TABLES}
        self.num_applied = 0
        self.heartbeats = 0
        self.refuses: Callable[[dict[str, Any]], bool] = lambda row: not row
        self.files: dict[str, bytearray] = {}
        self.announced: dict[str, dict[str, Any]] = {}

    def apply(self, document: JsonValue) -> bool:
        """Store all or nothing; False where a row is refused."""
        messages = wire.parse(json.loads(json.dumps(document)))
        given = [row for one in messages if isinstance(one, Rows) for row in one.rows]
        if any(map(self.refuses, given)):
            return False
        for message in messages:
            match message:
                case Rows(table=table, rows=rows):
                    for row in rows:
                        key = json.dumps([row[column.name] for column in table.primary_key])
                        had = self.tables[table.name].get(key, {})
                        self.tables[table.name][key] = {**had, **row}
                        self.num_applied += 1
                case Forget(generation=generation):
                    self._forget(generation)
                case _:
                    self.heartbeats += 1
        return True

    def _forget(self, generation: int) -> None:
        for name, rows in self.tables.items():
            column = "first_generation" if name == "phases" else "generation"
            for key in [k for k, row in rows.items() if (row.get(column) or -1) > generation]:
                del rows[key]


class Scripted:
    """What a carrier posts to, without sockets: one failure of the list for each request."""

    def __init__(self, store: Store, failures: Iterator[Failure]) -> None:
        self.store, self._failures = store, failures

    def post(self, path: str, document: JsonValue) -> Answer:
        assert path == "/api/ingest"
        match next(self._failures, "ok"):
            case "500" | "slow":
                return Answer("later", "it answers 500", 500)
            case "foreign":
                return Answer("refused", "it answers something else", 200)
            case "429":
                return Answer("later", "it answers 429", 429, 0.0)
            case "cut" | "unheard":
                self.store.apply(document)
                return Answer("later", "the connection ended")
            case "twice":
                self.store.apply(document)
            case _:
                pass
        if self.store.apply(document):
            return Answer("taken", status=200)
        return Answer("rejected", "it answers 422", 422)


class HttpServer(ThreadingHTTPServer):
    """The protocol of `symbio-auto serve`, on a port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = Store()
        self.failures: list[Failure] = []
        self.bodies: list[int] = []
        """Bytes of each request's body."""
        self.release = threading.Event()
        """Ends what is slow."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def destination(self) -> Destination:
        return Destination("http", "127.0.0.1", self.server_port, "", SECRET)

    def handle_error(self, *_: object) -> None:
        """A client that went away is part of the tests."""


@contextmanager
def http_server() -> Iterator[HttpServer]:
    """A server that answers."""
    with HttpServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(len(body))
        failure = self.server.failures.pop(0) if self.server.failures else "ok"
        if self.headers["Authorization"] != f"Bearer {SECRET}" or failure == "401":
            self._answer(401, {"detail": f"secret {self.headers['Authorization'][7:]} is wrong"})
        elif failure == "429":
            self._answer(429, {"detail": "too much"}, {"Retry-After": "1"})
        elif failure == "500":
            self._answer(500, {})
        elif failure == "foreign":
            self._answer(200, "welcome")
        elif self.path == "/api/checkpoints":
            self._announce(json.loads(body))
        else:
            self._ingest(json.loads(gzip.decompress(body)), failure)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        failure = self.server.failures.pop(0) if self.server.failures else "ok"
        parts = urlsplit(self.path)
        sha, offset = parts.path.rpartition("/")[2], int(parse_qs(parts.query)["offset"][0])
        file = self.server.store.files[sha]
        if failure == "500":
            self._answer(500, {})
        elif offset != len(file):
            self._answer(409, {"detail": f"{len(file)} bytes are there"})
        else:
            file += body
            if failure == "unheard":
                self.connection.close()
                return
            self._answer(200, self._progress(sha))

    def _announce(self, asked: dict[str, Any]) -> None:
        self.server.store.announced[asked["sha256"]] = asked
        self.server.store.files.setdefault(asked["sha256"], bytearray())
        self._answer(200, self._progress(asked["sha256"]))

    def _progress(self, sha: str) -> dict[str, Any]:
        file, asked = self.server.store.files[sha], self.server.store.announced[sha]
        whole = len(file) == asked["bytes"] and hashlib.sha256(file).hexdigest() == sha
        return {"received": len(file), "complete": whole}

    def _ingest(self, document: dict[str, Any], failure: Failure) -> None:
        store = self.server.store
        if failure == "slow":
            self.server.release.wait(5)
            return
        taken = store.apply(document)
        if failure == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        if failure in {"cut", "unheard"}:
            self.close_connection = True
            return
        if taken:
            self._answer(200, {"accepted": store.num_applied, "held": store.num_applied})
        else:
            self._answer(422, {"detail": "a row cannot be stored"})

    def _answer(
        self, code: int, document: JsonValue, headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(document).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
