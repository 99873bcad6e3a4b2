"""Work under way and the rented machine are shown of a run in a folder, and followed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboard.web.settings import ServerSettings
from dashboard.web.sources import Sources
from state.progress import Progress, ProgressFile
from state.rented import write_rented
from tests.dashboard.machines import rented
from tests.dashboard.web.clients import asking
from tests.dashboard.web.single_worlds import trained


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    trained(folder / "metrics.db", chunks=1)
    return folder


def tokenising(done: float, what: str = "tokenising") -> Progress:
    now = datetime.now(UTC)
    begun = now - timedelta(seconds=10)
    return Progress(what=what, done=done, total=4e6, unit="bytes", started_at=begun, updated_at=now)


def shown(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_machine_is_shown_with_its_state_its_cost_and_its_cap(run: Path) -> None:
    with asking(ServerSettings(runs=(run.parent,))) as client:
        assert "Rented machine" not in shown(client, "/runs/trained")
        write_rented(run, rented(2.0))
        tile = shown(client, "/runs/trained/parts/tiles")
        assert "$1.00" in tile
        assert "of at most $6.00; running, g2-standard-4, Spot" in tile
        assert "$1.00 of $6.00, running" in shown(client, "/parts/runs")
        found = client.get("/api/runs").json()[0]["machine"]
        assert (found["state"], found["most_usd"]) == ("running", 6.0)
        # Nobody has looked at it since: it ended by its cap.
        write_rented(run, rented(100.0))
        assert "$6.00 of $6.00, stopped" in shown(client, "/parts/runs")
        write_rented(run, rented(2.0, gone=True))
        assert "$1.00 of $6.00, deleted" in shown(client, "/parts/runs")


def test_work_under_way_is_shown_as_text_and_goes_when_it_is_over(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, work = ProgressFile(run / "progress.json"), tokenising(1e6)
    # What is left counts down; a page takes its time.
    monkeypatch.setattr("dashboard.web.beside.utc_now", lambda: work.updated_at)
    with asking(ServerSettings(runs=(run.parent,))) as client:
        file.write(work)
        head = shown(client, "/runs/trained/parts/head")
        assert "tokenising" in head
        assert "1.0/4.0 MB" in head
        assert "30 s left" in head
        assert "tokenising, 25" in shown(client, "/parts/runs")
        file.write(tokenising(1e6, "<script>x</script>"))
        assert "&lt;script&gt;x" in shown(client, "/runs/trained/parts/head")
        file.remove()
        assert 'role="status"' not in shown(client, "/runs/trained/parts/head")


def test_a_page_hears_of_it_and_reads_no_figure_anew(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.web.folders.SEARCH_SECONDS", -1.0)
    with Sources(ServerSettings(runs=(run.parent,))) as sources:
        mark, heard = sources.mark("trained"), [sources.news("trained")]
        file = ProgressFile(run / "progress.json")
        for done in (1e6, 2e6):
            file.write(tokenising(done))
            heard.append(sources.news("trained"))
        assert heard[-1] == sources.news("trained")
        write_rented(run, rented(1.0))
        heard.append(sources.news("trained"))
        assert len(set(heard)) == 4
        assert sources.mark("trained") == mark
