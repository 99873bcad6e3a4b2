"""Checkpoints come in parts, survive a broken connection, and lie under names of the server's."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.dashboard.web.clients import BEARER, asking, make_settings

DATA = bytes(range(256)) * 40
NAME = sha256(DATA).hexdigest()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with asking(make_settings(tmp_path, max_upload_bytes=20_000)) as client:
        yield client


def announce(client: TestClient, **changes: object) -> tuple[int, object]:
    asked = {"run_id": "r", "sha256": NAME, "bytes": len(DATA), "step": 5, "name": "best"}
    answer = client.post("/api/checkpoints", json={**asked, **changes}, headers=BEARER)
    return answer.status_code, answer.json()


def send(client: TestClient, offset: int, data: bytes, name: str = NAME) -> tuple[int, object]:
    path = f"/api/runs/r/checkpoints/{name}"
    answer = client.put(path, params={"offset": offset}, content=data, headers=BEARER)
    return answer.status_code, answer.json()


def test_a_checkpoint_is_sent_in_parts_and_fetched(client: TestClient, tmp_path: Path) -> None:
    assert announce(client) == (200, {"received": 0, "complete": False})
    assert client.get(f"/api/runs/r/checkpoints/{NAME}").status_code == 404
    assert send(client, 0, DATA[:4000]) == (200, {"received": 4000, "complete": False})
    assert send(client, 4000, DATA[4000:]) == (200, {"received": len(DATA), "complete": True})
    assert announce(client) == (200, {"received": len(DATA), "complete": True})
    (listed,) = client.get("/api/runs/r/checkpoints").json()
    assert (listed["step"], listed["name"], listed["bytes"]) == (5, "best", len(DATA))
    answer = client.get(f"/api/runs/r/checkpoints/{NAME}")
    assert answer.content == DATA
    assert answer.headers["Content-Disposition"] == 'attachment; filename="best"'
    (file,) = (tmp_path / "checkpoints").iterdir()
    assert file.suffix == ""


def test_an_upload_goes_on_where_it_broke_off(client: TestClient, tmp_path: Path) -> None:
    announce(client)
    send(client, 0, DATA[:4000])
    with asking(make_settings(tmp_path)) as restarted:
        assert announce(restarted) == (200, {"received": 4000, "complete": False})
        wrong = send(restarted, 5000, DATA[5000:])
        assert wrong == (409, {"detail": "4000 bytes are there; go on behind them"})
        again = send(restarted, 2000, DATA[2000:4000])
        assert again == (200, {"received": 4000, "complete": False})
        assert send(restarted, 4000, DATA[4000:])[1] == {"received": len(DATA), "complete": True}
        assert send(restarted, 4000, DATA[4000:])[1] == {"received": len(DATA), "complete": True}


def test_a_file_with_another_hash_is_thrown_away(client: TestClient, tmp_path: Path) -> None:
    announce(client)
    status, answer = send(client, 0, DATA[:-1] + b"?")
    assert status == 422
    assert "send it again from the start" in str(answer)
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert announce(client) == (200, {"received": 0, "complete": False})
    assert send(client, 0, DATA)[1] == {"received": len(DATA), "complete": True}


def test_sizes_are_kept_to(client: TestClient) -> None:
    assert announce(client, bytes=20_001)[0] == 422
    announce(client)
    status, answer = announce(client, bytes=5)
    assert (status, "announced with 10240 bytes" in str(answer)) == (422, True)
    assert send(client, 0, DATA + b"x")[0] == 422
    assert send(client, 0, DATA, name="0" * 64)[0] == 404


HOSTILE = ["../../../etc/passwd", "..\\..\\x", "/etc/shadow", "..", "a\0b", "x\r\ny: z"]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_run_never_becomes_a_path(
    client: TestClient, name: str, tmp_path: Path
) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert announce(client, run_id=name)[0] == 422
    status, _ = announce(client, name=name)
    assert status in {200, 422}
    if status == 200:
        send(client, 0, DATA)
        disposition = client.get(f"/api/runs/r/checkpoints/{NAME}").headers["Content-Disposition"]
        assert not {"/", "\\", "\r", "\n"} & set(disposition)
    added = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.parent for path in added} <= {tmp_path / "checkpoints", tmp_path}
    assert all(len(path.name) == 32 for path in added if path.parent != tmp_path)


@pytest.mark.parametrize("digest", ["../x", "A" * 64, "0" * 63, "0" * 65, "g" * 64, ""])
def test_only_a_hash_is_taken_as_one(client: TestClient, digest: str) -> None:
    assert announce(client, sha256=digest)[0] == 422
