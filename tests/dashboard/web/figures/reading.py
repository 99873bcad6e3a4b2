"""Looking into figures."""

from collections.abc import Callable
from typing import Any

from dashboard.web.figures.plot import Figure
from dashboard.web.figures.run_view import RunView

View = Callable[[str], RunView]
"""A run by name."""


def traces(figure: Figure) -> dict[str, dict[str, Any]]:
    """The last trace of each name."""
    found = figure["data"]
    assert isinstance(found, list)
    return {str(one["name"]): one for one in found if isinstance(one, dict)}


def texts(figure: Figure) -> list[str]:
    """Every text of a figure that Plotly would read as markup."""
    return list(_texts(figure, ""))


def _texts(value: Any, key: str) -> list[str]:  # noqa: ANN401
    if isinstance(value, dict):
        return [text for name, one in value.items() for text in _texts(one, name)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, key)]
    shown = {"name", "text", "hovertemplate", "ticktext"}
    return [value] if isinstance(value, str) and key in shown else []
