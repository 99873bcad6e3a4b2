"""What doctor says about the network."""

import socket
from pathlib import Path

import pytest

from orchestrator.commands.doctor_sockets import (
    inline_check,
    listeners,
    ray_check,
    token_file,
    token_file_check,
)


def test_a_port_of_this_process_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert ("127.0.0.1", port) in [(one.address, one.port) for one in listeners()]
        assert not inline_check().ok
    assert port not in [one.port for one in listeners()]


@pytest.mark.ray
def test_every_port_of_ray_is_listed_and_guarded_by_a_token() -> None:
    check = ray_check()
    assert check.ok
    assert "gcs_server" in check.found
    assert "raylet" in check.found
    assert check.found.endswith("a token guards them")


@pytest.mark.parametrize(("mode", "ok"), [(0o600, True), (0o400, True), (0o644, False)])
def test_a_token_that_others_can_read_is_a_failure(tmp_path: Path, mode: int, ok: bool) -> None:
    path = tmp_path / "auth_token"
    path.write_text("secret", encoding="utf-8")
    path.chmod(mode)
    check = token_file_check(path)
    assert check.ok is ok
    assert "secret" not in check.model_dump_json()
    assert f"chmod 600 {path}" in check.remedy


def test_no_token_file_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "absent"))
    assert token_file_check(token_file()).ok
