"""A small main job, and one run of it that nobody interrupted."""

import json
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.integration.main_job import SMALL, Job
from trainer.demo_corpus import write_demo_corpus


@pytest.fixture(scope="session")
def small_job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("job")
    job = Job(folder / "demo.txt", folder / "small.json")
    write_demo_corpus(job.corpus, 40_000)
    job.config.write_text(json.dumps(SMALL), encoding="utf-8")
    return job


@pytest.fixture(scope="session")
def uninterrupted(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an inline run in this process; nobody changes it."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert main(small_job.words(folder, "--engine", "inline")) == 0
    return folder
