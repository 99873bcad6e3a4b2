"""A run goes on where the machine is another one, and says what that means for its bits."""

import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.preparation import _changes, prepare_resume
from state.run_folder import RunFolder


@pytest.fixture
def run(trained: RunFolder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.root, tmp_path / "run"))


def test_where_it_goes_on_may_change(run: Path) -> None:
    there = prepare_resume(run, engine={"engine": "ray", "ray_address": "10.0.0.2:6379"})
    assert there.saved.config.engine.ray_address == "10.0.0.2:6379"
    back = prepare_resume(run, engine={"ray_address": "local", "device": "auto", "workers": 3})
    engine = back.saved.config.engine
    assert (engine.ray_address, engine.device, engine.workers) == ("local", "cpu", 3)
    assert back.notes == prepare_resume(run).notes


def test_another_device_is_said(run: Path) -> None:
    prepared = prepare_resume(run)
    assert prepared.commit is not None
    config = prepared.saved.config
    before = config.engine.model_copy(update={"device": "cuda", "deterministic": True})
    (note,) = _changes(prepared.commit, before, config)
    assert note == "this is another environment, bits may differ: device was cuda, now cpu"


def test_what_may_not_change_is_named_with_what_may(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--resume", str(run), "--lr", "0.1"]) == 2
    error = capsys.readouterr().err
    assert "cannot change optimizer" in error
    assert "--device, --host-devices, --ray-address and --waive may be given with it" in error
