"""One sshd for all of these tests, and a home of its own there for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.remote.connection import Connection, Timing
from deploy.remote.far_program import FarProgram
from tests.deploy.remote.sshd import Sshd

QUICK = Timing(answer=5.0, silence=10.0, first_pause=0.05, longest_pause=0.2, patience=3.0)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("far") / "sshd")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connection(sshd: Sshd) -> Iterator[Connection]:
    made = Connection(sshd.address, QUICK)
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "far home; $(false)"


@pytest.fixture
def far(connection: Connection, home: Path) -> FarProgram:
    return FarProgram(connection, str(home))


@pytest.fixture
def told() -> Callable[[str], None]:
    return lambda _: None
