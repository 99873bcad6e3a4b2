"""Who may ask what, and what no request brings about."""

import base64
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.dashboard.web.clients import BEARER, SECRET, asking, make_settings, report, steps

POSTS = ("/api/ingest", "/api/checkpoints")


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'who:{password}'.encode()).decode()}"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("server")
    with asking(make_settings(folder, allowed_hosts=("runs.example",))) as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LOCALHOST:8420", "[::1]:8420"])
def test_the_servers_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/runs", headers={"Host": host}).status_code == 200
    assert client.get("/api/runs", headers={"Host": "runs.example:443"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "a@localhost", "127.0.0.1.", "", "x:y", "["]
)
@pytest.mark.parametrize("path", ["/", "/api/runs", "/metrics", "/live", "/nothing"])
def test_other_host_names_are_refused(client: TestClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", POSTS)
def test_a_page_elsewhere_may_not_write(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    document = steps(1, run_id="refused")
    answer = client.post(path, json=document, headers={**BEARER, **headers})
    assert answer.status_code == 403
    assert client.get("/api/runs/refused").status_code == 404


def test_the_servers_own_pages_may_write(client: TestClient) -> None:
    report(client, steps(1), Origin="http://127.0.0.1:8420")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": SECRET},
        {"Authorization": "Basic ???"},
    ],
)
def test_writing_needs_the_secret(client: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, json=steps(1), headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert SECRET not in answer.text


def test_secrets_are_compared_in_constant_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(given: bytes, known: bytes) -> bool:
        compared.append((given, known))
        return given == known

    monkeypatch.setattr(hmac, "compare_digest", watched)
    client.post("/api/ingest", json=steps(1), headers={"Authorization": "Bearer a"})
    assert compared == [(b"a", SECRET.encode())]


@pytest.mark.parametrize("changes", [{"remote_secret": None}, {"database": None}])
@pytest.mark.parametrize("path", POSTS)
def test_without_a_secret_or_a_store_nobody_writes(
    path: str, changes: dict[str, object], tmp_path: Path
) -> None:
    with asking(make_settings(tmp_path, **changes)) as client:
        for headers in ({}, BEARER, {"Authorization": "Bearer "}):
            answer = client.post(path, json=steps(1), headers=headers)
            assert answer.status_code == 403
            assert "read-only; start it with SYMBIO_REMOTE_SECRET" in answer.json()["detail"]


def test_a_read_secret_closes_reading(tmp_path: Path) -> None:
    with asking(make_settings(tmp_path, read_secret="for readers")) as client:
        for path in ("/", "/api/runs", "/metrics", "/live", "/static/theme.js", "/nothing"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
        for headers in (basic("for readers"), BEARER, {"Authorization": "Bearer for readers"}):
            assert client.get("/api/runs", headers=headers).status_code == 200
        for password in ("", "for reader", "who:for readers"):
            assert client.get("/api/runs", headers=basic(password)).status_code == 401
        answer = client.post("/api/ingest", json=steps(1), headers=basic("for readers"))
        assert answer.status_code == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "INVENTED"])
def test_other_methods_do_nothing(client: TestClient, method: str) -> None:
    for path in ("/", "/api/runs", "/api/ingest", "/api/runs/r", "/metrics"):
        assert client.request(method, path).status_code == 401
        assert client.request(method, path, headers=BEARER).status_code in {404, 405}


def test_browsers_are_told_what_to_refuse(client: TestClient) -> None:
    for path, status in (("/api/runs", 200), ("/api/runs/none", 404), ("/nothing", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        script = next(one for one in policy.split("; ") if one.startswith("script-src"))
        assert "unsafe" not in script
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"


INJECTIONS = ("'; DROP TABLE runs; --", '" OR 1=1 --', "r' UNION SELECT * FROM runs --", "é")


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_is_asked_for_never_becomes_sql(client: TestClient, text: str) -> None:
    report(client, steps(1))
    report(client, steps(1, run_id=f"a {text}", member=f"a {text}"))
    assert client.get(f"/api/runs/a {text}").json()["card"]["name"] == f"a {text}"
    for path in ("", "/series?columns=loss", "/members", "/samples", "/checkpoints"):
        assert client.get(f"/api/runs/{text}{path}").status_code == 404
    assert client.get("/api/runs/%00").status_code == 404
    for parameters in ({"columns": text}, {"columns": ["loss", text]}):
        assert client.get("/api/runs/r/series", params=parameters).status_code == 422
    found = client.get(
        "/api/runs/r/series", params={"columns": "loss", "member": [text, "\0"]}
    ).json()
    assert found["first_step"] == []
    assert {"r", f"a {text}"} <= {run["run_id"] for run in client.get("/api/runs").json()}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/..%2fsettings.py",
        "/static/..%5csettings.py",
        "/static//etc/passwd",
        "/static/%00",
        "/api/runs/..%2f..%2fetc%2fpasswd/checkpoints/" + "0" * 64,
        "/api/runs/r/checkpoints/..%2f..%2fserver.db",
    ],
)
def test_no_address_leads_out_of_the_servers_folders(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {404, 422}
    assert "root:" not in answer.text
    assert "ServerSettings" not in answer.text


def test_a_fault_of_ours_shows_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("inner matters")

    monkeypatch.setattr("dashboard.web.sources.Sources.cards", fail)
    with asking(make_settings(tmp_path)) as client:
        client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
        answer = client.get("/api/runs")
    assert answer.status_code == 500
    assert "inner" not in answer.text
    assert "Traceback" not in answer.text
