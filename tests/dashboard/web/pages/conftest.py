"""A server in this process over a folder of runs."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from dashboard.web.settings import ServerSettings
from tests.dashboard.web.clients import asking
from tests.dashboard.web.single_worlds import trained
from tests.dashboard.web.worlds import HOSTILE, evolved


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Knows `evolved`, `trained`, `plain` and `hostile`."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("evolved", "trained", "plain", "hostile"):
        (root / name).mkdir()
    evolved(root / "evolved" / "metrics.db")
    evolved(root / "hostile" / "metrics.db", "hostile", HOSTILE)
    trained(root / "trained" / "metrics.db")
    trained(root / "plain" / "metrics.db", "plain", symbio=False)
    with asking(ServerSettings(runs=(root,))) as asked:
        yield asked
