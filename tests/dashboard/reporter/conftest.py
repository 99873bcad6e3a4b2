"""What several of these tests begin with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from state.run_folder import RunFolder
from tests.dashboard.reporter.receivers import HttpServer, http_server
from tests.dashboard.reporter.reported_runs import LivingRun


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run that nobody changes."""
    run = LivingRun(tmp_path_factory.mktemp("whole") / "run")
    run.live()
    return run.folder


@pytest.fixture
def finished(whole: RunFolder, tmp_path: Path) -> RunFolder:
    """A finished run of one's own."""
    return RunFolder(Path(shutil.copytree(whole.root, tmp_path / "run")))


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A server on 127.0.0.1."""
    with http_server() as running:
        yield running
