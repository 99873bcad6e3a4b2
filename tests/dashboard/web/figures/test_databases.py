"""Figures are the same from PostgreSQL as from SQLite."""

from pathlib import Path

from dashboard.web.figures.run_view import RunView
from dashboard.web.pages.router import FIGURES
from dashboard.web.pages.views import to_json
from state.metrics_reader import MetricsReader
from tests.dashboard.web.figures.reading import View
from tests.dashboard.web.single_worlds import trained
from tests.databases import fresh


def test_every_figure_is_the_same_from_postgresql(view: View, tmp_path: Path) -> None:
    url = fresh("postgresql", tmp_path)
    trained(url)
    reader = MetricsReader.at(url)
    expected, found = view("trained"), RunView(reader, "trained")
    for name, make in FIGURES.items():
        for window in (None, (60.0, 130.0)):
            assert to_json(make(found, window)) == to_json(make(expected, window)), name
    assert found.has_instruments
    reader.close()
