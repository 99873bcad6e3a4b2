"""Runs as views, written once for all tests of figures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.web.figures.run_view import RunView
from state.metrics_reader import MetricsReader
from tests.dashboard.web.figures.reading import View
from tests.dashboard.web.single_worlds import long, trained
from tests.dashboard.web.worlds import evolved


@pytest.fixture(scope="session")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """A run by name: `evolved`, `trained`, `plain` or `long`."""
    folder = tmp_path_factory.mktemp("figures")
    made: dict[str, Callable[[Path], None]] = {
        "evolved": evolved,
        "trained": trained,
        "plain": lambda path: trained(path, "plain", symbio=False),
        "long": long,
    }
    readers: dict[str, MetricsReader] = {}

    def open_view(name: str) -> RunView:
        if name not in readers:
            path = folder / f"{name}.db"
            made[name](path)
            readers[name] = MetricsReader.at(path)
        return RunView(readers[name], name)

    yield open_view
    for reader in readers.values():
        reader.close()
