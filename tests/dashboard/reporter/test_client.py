"""Requests against a server that fails in every way: each ends in time, with what to do next."""

import random
import socket
import threading
import time

import pytest

from dashboard.reporter import client as client_module
from dashboard.reporter.backoff import MOST_SECONDS, Backoff
from dashboard.reporter.carrier import Carrier
from dashboard.reporter.client import Client
from dashboard.reporter.cursor import CursorFile
from dashboard.reporter.destination import Destination, destination_of
from state import wire
from state.run_folder import RunFolder
from tests.dashboard.reporter.receivers import SECRET, Failure, HttpServer
from tests.dashboard.reporter.reported_runs import same

BEAT = wire.heartbeat("run")


@pytest.mark.parametrize(
    ("failure", "kind", "status"),
    [
        ("ok", "taken", 200),
        ("500", "later", 500),
        ("429", "later", 429),
        ("401", "refused", 401),
        ("cut", "later", 0),
        ("unheard", "later", 0),
        ("slow", "later", 0),
        ("foreign", "refused", 200),
    ],
)
def test_every_answer_says_what_to_do(
    server: HttpServer, failure: Failure, kind: str, status: int
) -> None:
    server.failures = [failure]
    client = Client(server.destination, timeout_seconds=0.3)
    answer = client.post("/api/ingest", BEAT)
    assert (answer.kind, answer.status) == (kind, status)
    assert answer.wait_seconds == (1.0 if failure == "429" else None)
    assert SECRET not in answer.why
    assert "127.0.0.1" not in answer.why
    assert bool(answer.why) == (kind != "taken")
    assert client.post("/api/ingest", BEAT).kind == "taken"
    client.close()


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_anew(server: HttpServer) -> None:
    client = Client(server.destination)
    assert client.post("/api/ingest", BEAT).kind == "taken"
    server.failures = ["unheard"]
    assert client.post("/api/ingest", BEAT).kind == "taken"
    assert server.store.heartbeats == 3
    client.close()


def test_nobody_listens_and_a_name_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = Client(Destination("http", "127.0.0.1", port, "", SECRET)).post("/x", {})
    assert (answer.kind, answer.why) == ("later", "nobody listens there")
    unknown = Client(Destination("http", "no-such-host.invalid", 80, "", SECRET)).post("/x", {})
    assert (unknown.kind, unknown.why) == ("later", "its name is not known")


def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\n" * 9:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.05)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        port = listener.getsockname()[1]
        answer = Client(Destination("http", "127.0.0.1", port, "", SECRET)).post("/x", {})
        assert (answer.kind, answer.why) == ("later", "it takes too long to answer")
        assert time.monotonic() - began < 2
        thread.join()


def test_waits_double_up_to_a_minute_and_never_fall_below_what_the_server_asks() -> None:
    backoff = Backoff(random.Random(0))
    waits = [backoff.failed() for _ in range(12)]
    for number, wait in enumerate(waits):
        whole = min(MOST_SECONDS, 2.0**number)
        assert whole / 2 <= wait <= whole
    assert backoff.failed(90.0) == 90.0
    assert backoff.failed(1e9) == 10 * MOST_SECONDS
    backoff.worked()
    assert backoff.failed() <= 1


def test_failures_over_sockets_lose_and_double_nothing(
    server: HttpServer, finished: RunFolder
) -> None:
    server.failures = ["429", "ok", "cut", "ok", "unheard", "500"]
    said: list[str] = []
    client = Client(server.destination, timeout_seconds=0.5)
    carrier = Carrier(finished, client, CursorFile(finished.root, "s"), said.append)
    assert carrier.drain(30, lambda: False, lambda _: None)
    same(server.store.tables, finished)
    assert not server.failures
    assert said[-1] == "the server takes rows again"
    assert len(said) <= 6
    client.close()


def test_a_wrong_secret_is_said_once_and_tried_again_slowly(
    server: HttpServer, finished: RunFolder
) -> None:
    said: list[str] = []
    wrong = server.destination._replace(secret="something-else")
    client = Client(wrong)
    now = [0.0]
    carrier = Carrier(finished, client, CursorFile(finished.root, "s"), said.append, lambda: now[0])
    for now[0] in (0.0, 60.0, 299.0, 301.0):
        carrier.step()
    (line,) = said
    assert "401" in line
    assert "SYMBIO_REMOTE_SECRET must be the one" in line
    assert "something-else" not in line
    assert len(server.bodies) == 2
    assert max(server.bodies) < 200, "short requests are heard to their end"
    assert not server.store.tables["metrics"]
    client.close()


@pytest.mark.parametrize(
    "url",
    [
        *("example.org", "ftp://example.org", "http://", "http://h:99999", "http://h:x"),
        *("http://u:pass-word@h", "http://h/?a=pass-word", "http://h/#pass-word", "http://h h/"),
        *("http://[::1", "https://höst/", "http://h/\u2028x"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^SYMBIO_REMOTE_URL ") as refusal:
        destination_of({"SYMBIO_REMOTE_URL": url, "SYMBIO_REMOTE_SECRET": "s"})
    assert url == "example.org" or url not in str(refusal.value)
    assert "pass-word" not in str(refusal.value)


def test_where_a_destination_comes_from() -> None:
    secret = {"ALPHA_REMOTE_SECRET": " old "}
    assert destination_of({}) is None
    with pytest.raises(ValueError, match="SYMBIO_REMOTE_SECRET is not set"):
        destination_of({"ALPHA_REMOTE_URL": "http://h"})
    with pytest.raises(ValueError, match="printable ASCII"):
        destination_of({"SYMBIO_REMOTE_SECRET": "a\nb"}, "http://h")
    found = destination_of({**secret, "ALPHA_REMOTE_URL": "https://h/runs/"})
    assert found == Destination("https", "h", 443, "/runs", "old")
    other = destination_of(secret, "http://h:8420")
    assert other is not None
    assert found is not None
    assert other.name != found.name
    assert "old" not in repr(found)
    assert "'h'" not in repr(found)
