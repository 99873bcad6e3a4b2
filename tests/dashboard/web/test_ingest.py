"""What runs report is stored once, whole or not at all."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from state import wire
from state.metrics_reader import MetricsReader
from tests.dashboard.web.clients import BEARER, asking, make_settings, report, steps
from tests.databases import KINDS, migrated


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestClient]:
    with asking(make_settings(tmp_path, database=migrated(request.param, tmp_path))) as client:
        yield client


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[TestClient]:
    with asking(make_settings(tmp_path, max_body_bytes=20_000, max_unpacked_bytes=50_000)) as one:
        yield one


def seen(client: TestClient, run_id: str = "r") -> dict[int, float]:
    """Step -> loss, as the API gives them."""
    found = client.get(f"/api/runs/{run_id}/series", params={"columns": "loss"}).json()
    return dict(zip(found["last_step"], found["least"]["loss"], strict=True))


def test_a_report_that_comes_again_changes_nothing(client: TestClient) -> None:
    batch = wire.batch([steps(1, 2, 3), wire.rows("events", "r", [EVENT])])  # type: ignore[list-item]
    for times in (1, 2, 3):
        assert report(client, batch) == {"accepted": 4, "held": 4 * times}
    assert report(client, wire.heartbeat("another")) == {"accepted": 0, "held": 0}
    assert seen(client) == {1: 1.0, 2: 0.5, 3: 1 / 3}
    assert len(client.get("/api/runs/r/events").json()) == 1


EVENT = {"idx": 0, "kind": "phase_started", "generation": 0, "data": {"phase": "cambrian"}}


def test_a_batch_is_stored_whole_or_not_at_all(client: TestClient) -> None:
    bad = {"type": "metrics", "run_id": "r", "rows": [{"step": 2, "loss": "no number"}]}
    document = {"type": "batch", "messages": [steps(1), bad]}
    answer = client.post("/api/ingest", json=document, headers=BEARER)
    assert answer.status_code == 422
    assert answer.json() == {"detail": "metrics, row 0: loss takes a number"}
    assert client.get("/api/runs").json() == []


def test_a_run_goes_back(client: TestClient) -> None:
    report(client, steps(1, 2, generation=0))
    report(client, steps(3, 4, generation=1))
    assert client.get("/api/runs/r").json()["card"]["latest_step"] == 4
    report(client, wire.batch([wire.forget("r", 0), steps(3, generation=1)]))  # type: ignore[list-item]
    assert set(seen(client)) == {1, 2, 3}
    assert client.get("/api/runs/r").json()["card"]["latest_step"] == 3


def test_the_runs_row_says_how_it_stands(client: TestClient) -> None:
    run = {"symbio": 1, "ffn_activation": "swiglu", "domain": "chat", "created_at": "2026-02-03"}
    report(client, {"type": "run", "run_id": "r", "run": run})
    report(client, steps(1, val_loss=3.0))
    report(client, steps(2, val_loss=2.0))
    report(client, {"type": "run", "run_id": "r", "run": {"status": "finished"}})
    card = client.get("/api/runs/r").json()["card"]
    assert (card["status"], card["health"], card["symbio"]) == ("finished", "ended", True)
    assert (card["domain"], card["ffn_activation"], card["best_val_loss"]) == ("chat", "swiglu", 2)
    assert (card["latest_step"], card["last_loss"], card["source"]) == (2, 0.5, "server")
    assert card["created_at"] == "2026-02-03"


def test_text_that_databases_refuse_is_stored_without_it(client: TestClient) -> None:
    text = "nul \0, half a pair \ud800, <script>alert(1)</script>'; DROP TABLE runs; --"
    row = {"prompt": text, "text": text, "temperature": 1, "ended": True, "step": 1}
    body = json.dumps({"type": "samples", "run_id": "r", "samples": [row]})
    assert client.post("/api/ingest", content=body, headers=BEARER).status_code == 200
    (sample,) = client.get("/api/runs/r/samples").json()
    shown = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert sample["sample"]["text"] == shown
    assert len(client.get("/api/runs").json()) == 1


def test_writers_take_turns_and_readers_do_not_wait(client: TestClient) -> None:
    def send(run_id: str) -> None:
        for first in range(1, 60, 20):
            report(client, steps(*range(first, first + 20), run_id=run_id))

    names = [f"run {index}" for index in range(4)]
    threads = [threading.Thread(target=send, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert client.get("/api/runs").status_code == 200
    for thread in threads:
        thread.join()
    assert [len(seen(client, name)) for name in names] == [60] * 4


def test_a_packed_report_is_unpacked(plain: TestClient) -> None:
    body = gzip.compress(json.dumps(steps(1)).encode())
    packed = {**BEARER, "Content-Encoding": "gzip"}
    assert plain.post("/api/ingest", content=body, headers=packed).json() == {
        "accepted": 1,
        "held": 1,
    }


@pytest.mark.parametrize(
    ("body", "encoding", "status", "said"),
    [
        (b"no json", "", 422, "no JSON"),
        (b"[" * 15_000, "", 422, "nests too deeply"),
        (b"\xff\xfe\x00", "", 422, "no JSON"),
        (b"9" * 5000, "", 422, "no JSON"),
        (b"no gzip", "gzip", 422, "no gzip file"),
        (gzip.compress(b"{}", mtime=0)[:-3], "gzip", 422, "ends too early"),
        (gzip.compress(b" " * 10**6), "gzip", 413, "more than 50000 bytes once unpacked"),
        (b"{}", "br", 415, "Content-Encoding 'br' is unknown"),
        (b" " * 20_001, "", 413, "more than 20000 bytes"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    body: bytes, encoding: str, status: int, said: str, plain: TestClient
) -> None:
    headers = {**BEARER, "Content-Encoding": encoding}
    answer = plain.post("/api/ingest", content=body, headers=headers)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_a_body_without_a_length_has_the_same_limit(plain: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * 4000

    answer = plain.post("/api/ingest", content=parts(), headers=BEARER)
    assert answer.status_code == 413


def test_a_heartbeat_keeps_a_silent_run_alive(tmp_path: Path) -> None:
    with asking(make_settings(tmp_path, stale_seconds=1e-3)) as client:
        report(client, steps(1))
        assert client.get("/api/runs/r").json()["card"]["health"] == "stale"
    with asking(make_settings(tmp_path)) as client:
        report(client, wire.heartbeat("r"))
        assert client.get("/api/runs/r").json()["card"]["health"] == "live"


def test_the_description_names_the_address(plain: TestClient) -> None:
    described = plain.get("/api/openapi.json").json()
    assert described["paths"]["/api/ingest"]["post"]["requestBody"]["required"]


def test_rows_of_another_program_are_curves_and_no_steps_of_ours(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with asking(settings) as client:
        report(client, steps(1, 2))
        report(client, steps(3, lr=0.1, skipped=False, tokens_per_sec=5.0, ms_per_iter=2.0))
        assert set(seen(client)) == {1, 2, 3}
    reader = MetricsReader.at(str(settings.database))
    assert [one.step for one in reader.steps("r")] == [3]
    reader.close()
