"""What Prometheus is told."""

from pathlib import Path

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from state.records import Ledger, LedgerLine
from tests.dashboard.web.clients import asking, make_settings, report, steps

Samples = dict[tuple[str, str], float]


def scraped(client: TestClient) -> Samples:
    """(name, first label's value) -> value."""
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_gauges_say_how_active_runs_stand(tmp_path: Path) -> None:
    ledger = Ledger(budget=200, lines=(LedgerLine(phase="cambrian", allotted=100, settled=50),))
    hostile = 'a "run" {x="y"} 1'
    with asking(make_settings(tmp_path)) as client:
        for run_id in ("r", hostile):
            report(
                client,
                steps(1, 2, run_id=run_id, phase="cambrian", tokens_per_sec=99.5, val_loss=2.5),
            )
        row = {"budget": 200, "ledger": ledger.model_dump(mode="json")}
        report(client, {"type": "ledger", "run_id": "r", "rows": [row]})
        generation = {"generation": 0, "best_bits_per_byte": 1.25, "summary": {}}
        report(client, {"type": "generations", "run_id": "r", "rows": [generation]})
        report(client, {"type": "run", "run_id": "done", "run": {"status": "finished"}})
        found = scraped(client)
    expected = {
        "loss": 0.5,
        "val_loss": 2.5,
        "best_bits_per_byte": 1.25,
        "tokens_per_second": 99.5,
        "phase_index": 2,
        "budget_used_ratio": 0.25,
    }
    assert {name: found[f"symbio_run_{name}", "r"] for name in expected} == expected
    assert 0 <= found["symbio_run_last_row_age_seconds", "r"] < 60
    assert found["symbio_run_loss", hostile] == 0.5
    assert ("symbio_run_loss", "done") not in found
    assert (found["symbio_runs", "active"], found["symbio_runs", "finished"]) == (2, 1)


def test_counters_count_what_the_server_does(tmp_path: Path) -> None:
    with asking(make_settings(tmp_path)) as client:
        report(client, steps(1, 2, 3))
        client.post("/api/ingest", json=steps(1))
        for name in ("a", "b"):
            client.get(f"/api/runs/{name}")
            client.get(f"/made-up/{name}")
        found = scraped(client)
        text = client.get("/metrics").text
    assert found["symbio_ingested_rows_total", ""] == 3
    assert found["symbio_refused_requests_total", "401"] == 1
    assert found["symbio_refused_requests_total", "404"] == 4
    assert 'symbio_request_seconds_count{method="GET",route="/api/runs/{run_id}"} 2.0' in text
    assert "made-up" not in text
    assert 'symbio_request_seconds_count{method="POST",route="/api/ingest"} 1.0' in text
