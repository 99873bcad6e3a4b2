"""A real server on a real socket and a real browser, one of each for all tests here."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn

from dashboard.web.app import create_app
from dashboard.web.settings import ServerSettings
from tests.dashboard.web.browser.driving import Browser, start_browser
from tests.dashboard.web.single_worlds import trained
from tests.dashboard.web.worlds import HOSTILE, evolved


class Site(NamedTuple):
    """Where the pages are."""

    address: str
    root: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server over `evolved`, `trained`, `plain`, `hostile` and `growing`."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("evolved", "trained", "plain", "hostile", "growing"):
        (root / name).mkdir()
    evolved(root / "evolved" / "metrics.db")
    evolved(root / "hostile" / "metrics.db", "hostile", HOSTILE)
    trained(root / "trained" / "metrics.db")
    trained(root / "plain" / "metrics.db", "plain", symbio=False)
    trained(root / "growing" / "metrics.db", "growing", chunks=2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = create_app(ServerSettings(runs=(root,)))
        settings = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", root)
        app.state.closing.set()
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless; skips where there is none."""
    found = start_browser()
    yield found
    found.quit()
