"""What several of these tests look at and none changes."""

import time

import pytest

from orchestrator.commits import restore
from orchestrator.preparation import prepare_run
from orchestrator.report.finish import finish
from orchestrator.session import execute
from orchestrator.settings import Settings, build_config
from state.commit import load_commit
from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, ScriptedRun, make_config
from trainer.demo_corpus import write_demo_corpus


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A finished run without torch, with the data folder that a real one has."""
    folder = tmp_path_factory.mktemp("scripted") / "run"
    run = ScriptedRun(folder, make_config(budget=400), ScriptedEngine(folder))
    (run.folder.data / "manifest.json").write_text("{}", encoding="utf-8")
    run.play()
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of a real, tiny model."""
    root = tmp_path_factory.mktemp("trained")
    write_demo_corpus(root / "demo.txt", 20_000)
    settings: Settings = {
        "budget": 60,
        "run_dir": str(root / "run"),
        "data": {"paths": [str(root / "demo.txt")], "tokenizer": "byte"},
        "model": {"dim": 16, "heads": 2, "layers": 1, "block": 16},
        "optimizer": {"batch": 2},
        "battery": {"prompts": 1, "max_new_tokens": 2},
        "engine": {"engine": "inline", "device": "cpu", "host_threads": 1},
    }
    config = build_config(settings, environment={})
    finished = execute(prepare_run(config), started_at=time.monotonic())
    finish(finished.folder, restore(load_commit(finished.folder).record))
    return finished.folder
