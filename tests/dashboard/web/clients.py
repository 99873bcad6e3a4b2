"""A server in this process, asked without a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from dashboard.web.app import create_app
from dashboard.web.settings import ServerSettings
from tests.databases import empty_store

SECRET = "a secret"
ADDRESS = "http://127.0.0.1:8420"
BEARER = {"Authorization": f"Bearer {SECRET}"}


def make_settings(folder: Path, **changes: object) -> ServerSettings:
    """Those of a server that takes reports into a SQLite file in `folder`, empty at first."""
    file = folder / "server.db"
    if not file.exists():
        file.write_bytes(empty_store())
    settings: dict[str, object] = {
        "database": f"sqlite:///{file}",
        "remote_secret": SECRET,
        "uploads": folder / "checkpoints",
    }
    return ServerSettings.model_validate(settings | changes)


@contextmanager
def asking(settings: ServerSettings) -> Iterator[TestClient]:
    """A client of a server with these settings."""
    with TestClient(create_app(settings), base_url=ADDRESS) as client:
        yield client


def report(client: TestClient, message: object, **headers: str) -> dict[str, Any]:
    """Report, and have it accepted."""
    answer = client.post("/api/ingest", json=message, headers={**BEARER, **headers})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert isinstance(document, dict)
    return document


def steps(*numbers: int, run_id: str = "r", **columns: object) -> dict[str, object]:
    """A message with these steps, whose loss is 1 / step."""
    rows = [{"step": number, "loss": 1 / number, **columns} for number in numbers]
    return {"type": "metrics", "run_id": run_id, "rows": rows}
