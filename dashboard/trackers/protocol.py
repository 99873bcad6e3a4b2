"""What every tracker can do, and how the package behind one is found."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Protocol

from pydantic import JsonValue


class Tracker(Protocol):
    """Shows one run somewhere. Calls come in the order start, log and event, close.

    Making one is where a missing package is refused; nothing is written before `start`.
    """

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        """Begin to show a run, or go on with it after a resumption."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add one point at `step` to each series; steps may repeat and fall between calls."""

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Show something that happened to the run."""

    def close(self) -> None:
        """Bring everything to where it is shown; without effect where nothing was begun."""


def required_package(name: str, module: str | None = None) -> ModuleType:
    """The module of an optional package, `name` itself or one inside it.

    Raises:
        ValueError: it cannot be imported.
    """
    try:
        return import_module(module or name)
    except ImportError as error:
        raise ValueError(
            f"tracker {name!r} needs the package {name}, which cannot be imported "
            f"({' '.join(str(error).split())}); pip install 'symbio-auto[{name}]'"
        ) from error
