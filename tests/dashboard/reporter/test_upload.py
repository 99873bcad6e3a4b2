"""A model on its way: any part of the archive is the archive's, and nothing is sent twice."""

import hashlib
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.reporter import upload as upload_module
from dashboard.reporter.archive import Archive
from dashboard.reporter.client import Client
from dashboard.reporter.model_sender import send_model
from dashboard.reporter.upload import Model
from tests.dashboard.reporter.receivers import Failure, HttpServer

SIZES = {"config.json": 300, "empty": 0, "model.safetensors": 2048, "tokenizer.json": 513}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models") / "model"
    (made / "__pycache__").mkdir(parents=True)
    for name, size in SIZES.items():
        (made / name).write_bytes(hashlib.sha256(name.encode()).digest() * (size // 32 + 1))
        with (made / name).open("r+b") as file:
            file.truncate(size)
    return made


def test_an_archive_is_a_tar_file_of_the_folder_and_always_the_same(folder: Path) -> None:
    archive = Archive(folder, "my run")
    data = archive.read(0, 10**9)
    assert len(data) == archive.num_bytes
    assert hashlib.sha256(data).hexdigest() == archive.sha256()
    with tarfile.open(fileobj=BytesIO(data)) as opened:
        names = opened.getnames()
        assert names == [f"my run/{name}" for name in sorted(SIZES)]
        for name in SIZES:
            file = opened.extractfile(f"my run/{name}")
            assert file is not None
            assert file.read() == (folder / name).read_bytes()
    for name in SIZES:
        (folder / name).touch()
    assert Archive(folder, "my run").sha256() == archive.sha256()


@given(offset=st.integers(0, 9000), length=st.integers(0, 9000))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_of_an_archive(folder: Path, offset: int, length: int) -> None:
    archive = Archive(folder, "x")
    assert archive.read(offset, length) == archive.read(0, 10**9)[offset : offset + length]


def test_there_is_no_model(tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match="holds no model"):
            Archive(missing, "x")


@pytest.mark.parametrize(
    "failures", [[], ["ok", "500"], ["ok", "ok", "unheard"], ["500", "ok", "ok", "500", "429"]]
)
def test_a_model_arrives_whole_and_once(
    server: HttpServer, folder: Path, monkeypatch: pytest.MonkeyPatch, failures: list[Failure]
) -> None:
    monkeypatch.setattr(upload_module, "PART_BYTES", 1500)
    server.failures = failures
    model = Model.of(folder, "a/run", "name", 7)
    client, seen = Client(server.destination, 2), list[float]()
    assert send_model(model, client, seen.append) == ""
    (data,) = server.store.files.values()
    assert bytes(data) == model.archive.read(0, 10**9)
    assert server.store.announced[model.sha256] == {
        "run_id": "a/run",
        "sha256": model.sha256,
        "bytes": model.archive.num_bytes,
        "step": 7,
        "name": "name.tar",
    }
    assert seen[-1] == model.archive.num_bytes
    sent = len(server.bodies)
    assert send_model(model, client, seen.append) == ""
    assert len(server.bodies) == sent + 1, "it is announced, and known"
    client.close()


def test_a_model_of_which_parts_are_there_is_gone_on_with(
    server: HttpServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "PART_BYTES", 1000)
    model = Model.of(folder, "run", "name", None)
    server.store.files[model.sha256] = bytearray(model.archive.read(0, 2500))
    client, seen = Client(server.destination), list[float]()
    assert send_model(model, client, seen.append) == ""
    assert seen[0] == 2500
    assert bytes(server.store.files[model.sha256]) == model.archive.read(0, 10**9)
    client.close()


def test_a_server_that_takes_no_model_is_given_up(server: HttpServer, folder: Path) -> None:
    model = Model.of(folder, "run", "name", None)
    client = Client(server.destination)
    server.failures = ["foreign"]
    assert "something else than symbio-auto serve" in send_model(model, client, print)
    server.failures = ["401"]
    assert "401" in send_model(model, client, print)
    server.failures = ["500"] * 9
    assert "500" in send_model(model, client, print, stall_seconds=0.1)
    client.close()
