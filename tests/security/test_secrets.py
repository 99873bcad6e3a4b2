"""What a run leaves: nothing outside its folder, and no secret of its environment in a file, a line
or an argument vector.
"""

from pathlib import Path

import pytest

from tests.security.conftest import VALUES, Traces


def files(folder: Path) -> list[Path]:
    """Every regular file below a folder, and below what a link in it points to."""
    below = [folder / "scratch", *folder.iterdir()]
    found = [path for one in below for path in (one, *one.rglob("*"))]
    return [path for path in found if path.is_file()]


def test_no_file_that_a_run_leaves_holds_a_secret(traces: Traces) -> None:
    for path in files(traces.folder):
        content = path.read_bytes()
        found = [value for value in VALUES if value.encode() in content]
        assert not found, f"{path} holds {found}"


def test_every_kind_of_file_was_looked_at(traces: Traces) -> None:
    names = {path.name for path in files(traces.folder)}
    assert names >= {
        *("state.json", "metrics.db", "events.jsonl", "metrics.jsonl", "log.txt", "report.md"),
        *("final-report.json", "manifest.json", "model.safetensors", "01-abiogenesis.json"),
    }


@pytest.mark.ray
@pytest.mark.slow
def test_the_logs_of_ray_were_looked_at(ray_traces: Traces) -> None:
    names = {path.name for path in files(ray_traces.folder)}
    assert names >= {"raylet.out", "gcs_server.out"}
    assert any("raylet" in line for line in ray_traces.command_lines)


def test_no_command_prints_a_secret(traces: Traces) -> None:
    assert not [value for value in VALUES if value in traces.printed]
    assert "resume with: symbio-auto" in traces.printed


def test_no_process_has_a_secret_among_its_arguments(traces: Traces) -> None:
    assert any("orchestrator.cli" in line for line in traces.command_lines)
    for line in traces.command_lines:
        assert not [value for value in VALUES if value in line], line


def test_a_run_writes_in_its_folder_alone(traces: Traces) -> None:
    given = {"corpus.txt", "tiny.json", "home", "scratch"}
    written = {path.name for path in traces.folder.iterdir()} - given
    assert {"run"} <= written <= {"run", "exported"}
    left = [path.name for path in (traces.folder / "home").rglob("*")]
    assert not left, left
    scratch = {path.name.split("_")[0] for path in (traces.folder / "scratch").iterdir()}
    assert scratch <= {"ray", "torchinductor"}
