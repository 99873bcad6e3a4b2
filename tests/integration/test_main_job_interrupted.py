"""The main job stops at a signal, goes on to the same bits, and takes more budget."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.integration.main_job import (
    PROGRAM,
    SMALL,
    Job,
    environment,
    model_hash,
    report,
    wait_for_generation,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SEARCHING = 4
"""A generation with challengers."""


def begin(job: Job, folder: Path, *more: str) -> subprocess.Popen[str]:
    """The run in a session of its own."""
    return subprocess.Popen(
        [*PROGRAM, *job.words(folder, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


@pytest.mark.ray
@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, marks=pytest.mark.soak), signal.SIGTERM, signal.SIGKILL],
)
def test_an_interrupted_run_resumes_to_the_same_bits(
    small_job: Job, uninterrupted: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "run"
    process = begin(small_job, folder, "--engine", "ray", "--workers", "2")
    try:
        wait_for_generation(folder, SEARCHING, process)
        process.send_signal(number)
        printed, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number, printed
        assert f"--resume {folder / 'state.json'}" in printed
    assert main(["--resume", str(folder / "state.json"), "--engine", "inline"]) == 0
    assert model_hash(folder) == model_hash(uninterrupted)
    assert report(folder)["resumed_count"] == 1
    assert report(folder)["population"] == report(uninterrupted)["population"]


def test_a_finished_run_can_be_given_more_budget(
    uninterrupted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(uninterrupted, tmp_path / "run"))
    before = report(folder)["search"]["bits_per_byte"]
    assert report(folder)["budget"]["spent"] == SMALL["budget"]
    assert main(["--resume", str(folder)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert main(["--resume", str(folder), "--budget", "320"]) == 0
    after = report(folder)
    assert after["budget"]["requested"] == after["budget"]["spent"] == 320
    assert after["test_openings"] == 2
    assert after["search"]["bits_per_byte"] < before
    assert main(["--resume", str(folder), "--budget", "280"]) == 2


def test_a_run_folder_in_use_is_refused(
    small_job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    process = begin(small_job, folder, "--engine", "inline", "--budget", "50000")
    try:
        wait_for_generation(folder, 1, process)
        assert main(["--resume", str(folder)]) == 2
    finally:
        process.kill()
        process.communicate()
    error = capsys.readouterr().err
    assert "in use" in error
    assert error.count("\n") == 1
