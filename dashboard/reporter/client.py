"""Requests to a server: each ends within a known time, with an answer that says what to do."""

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

from pydantic import JsonValue

from dashboard.reporter.destination import Destination

TIMEOUT_SECONDS = 10.0
"""Of a connection, and of each wait for bytes."""
MOST_SECONDS = 30.0
"""Of a whole request."""
MAX_ANSWER_BYTES = 1_000_000
GZIP_LEVEL = 4

Kind = Literal["taken", "later", "refused", "rejected", "too large"]
"""Applied; try again; this client is refused; this content is; this content is too long."""
_JSON = {"Content-Type": "application/json"}
_REFUSED = {301, 302, 303, 307, 308, 401, 403, 404, 405, 410, 421}


class Answer(NamedTuple):
    """What became of a request."""

    kind: Kind
    why: str = ""
    """One line without address and secret; empty where it was taken."""
    status: int = 0
    """0 where nothing was heard."""
    wait_seconds: float | None = None
    """What the server asks for."""
    document: JsonValue = None
    is_empty: bool = False
    """There is no content."""


class Client:
    """One connection at a time, kept open between requests where the server allows it."""

    def __init__(self, destination: Destination, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.destination = destination
        self._timeout = timeout_seconds
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, document: JsonValue) -> Answer:
        """Send a JSON document, compressed."""
        try:
            data = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return Answer("rejected", "a number is not finite")
        packed = gzip.compress(data, GZIP_LEVEL, mtime=0)
        answer = self.request("POST", path, packed, {**_JSON, "Content-Encoding": "gzip"})
        known = isinstance(answer.document, dict) and "accepted" in answer.document
        return answer if answer.kind != "taken" or known else _not_ours(answer)

    def send_json(self, path: str, document: JsonValue) -> Answer:
        """Send a short JSON document as it is."""
        return self.request("POST", path, json.dumps(document).encode(), _JSON)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; a kept connection that the server has closed meanwhile is opened anew."""
        kept = self._connection is not None
        answer = self._attempt(method, path, body, headers or {})
        if answer.status == 0 and kept and answer.why != _TOO_LONG:
            return self._attempt(method, path, body, headers or {})
        return answer

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _attempt(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = self._connection = self._connection or self._opened()
        given = {**headers, "Authorization": f"Bearer {self.destination.secret}"}
        late = _Deadline(connection)
        try:
            with late:
                connection.request(method, self.destination.prefix + path, body, given)
                response = connection.getresponse()
                data = response.read(MAX_ANSWER_BYTES)
                if not response.isclosed():
                    self.close()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer("later", _TOO_LONG if late.passed else self._reason(error))
        return self._answer(response, data)

    def _opened(self) -> http.client.HTTPConnection:
        secure = self.destination.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self.destination.host, self.destination.port, timeout=self._timeout)

    def _reason(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return _TOO_LONG
            case ConnectionRefusedError():
                return "nobody listens there"
            case socket.gaierror():
                return "its name is not known"
            case _:
                text = " ".join(str(error).split())[:200] or type(error).__name__
                return self.destination.redacted(text)

    def _answer(self, response: http.client.HTTPResponse, data: bytes) -> Answer:
        status, document = response.status, None
        with suppress(ValueError, RecursionError):
            document = json.loads(data)
        if 200 <= status < 300:
            return Answer("taken", status=status, document=document, is_empty=not data)
        wait = _seconds(response.getheader("Retry-After"))
        why = f"it answers {status}{self._detail(document)}"
        return Answer(_kind_of(status), why, status, wait, document)

    def _detail(self, document: JsonValue) -> str:
        detail = document.get("detail") if isinstance(document, dict) else None
        if not isinstance(detail, str) or not detail:
            return ""
        text = "".join(c if c.isprintable() else " " for c in detail)
        return f" ({self.destination.redacted(' '.join(text.split()))[:200]})"


def _not_ours(answer: Answer) -> Answer:
    """A good answer that says nothing of rows: it was cut off, or somebody else answers there."""
    if answer.document is None and answer.is_empty:
        return answer._replace(kind="later", status=0, why="its answer was cut off")
    return answer._replace(kind="refused", why="it answers something else than symbio-auto serve")


_TOO_LONG = "it takes too long to answer"


def _kind_of(status: int) -> Kind:
    if status in _REFUSED:
        return "refused"
    if status == 413:
        return "too large"
    return "rejected" if 400 <= status < 500 and status not in {408, 409, 425, 429} else "later"


def _seconds(header: str | None) -> float | None:
    """Retry-After, as seconds or as a date."""
    with suppress(ValueError, TypeError, OverflowError):
        if header is not None and header.strip().isdigit():
            return float(header)
        if header is not None:
            return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    return None


class _Deadline:
    """Ends a request of a server that sends its answer byte by byte."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._timer = threading.Timer(MOST_SECONDS, self._cut)
        self._timer.daemon = True
        self.passed = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.passed = True
        with suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
