"""When a process of symbio-auto comes to certain places: a line of a log each, once.

A program that is started with `environment` writes them, and so do the processes that it starts.
The places are functions that are wrapped when their module is imported; one that a module has not
is left out, so that other versions of the program can be measured too.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, ParamSpec, TypeVar

LOG = "STARTUP_MARKS_LOG"
"""Environment variable: the log. Without it nothing is marked."""
HOOK = "import startup_marks\n\nstartup_marks.install()\n"

PLACES: dict[str, tuple[str, str, str]] = {
    "program": ("orchestrator.cli", "", "_command"),
    "Ray's modules": ("orchestrator.workers", "", "start_ahead"),
    "data": ("trainer.data", "", "prepare"),
    "Ray's servers": ("orchestrator.workers", "", "_start_local"),
    "session": ("orchestrator.session", "", "execute"),
    "engine": ("orchestrator.session", "", "build_engine"),
    "torch": ("trainer.execution", "TaskExecutor", "__init__"),
    "step": ("trainer.training", "Chunk", "step"),
}
"""Name to module, class and function."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Mark(NamedTuple):
    """One line of the log."""

    place: str
    """A name of PLACES, with ` ended` where the function returned."""
    at: float
    """time.monotonic(), one clock for all processes of a machine."""
    cpu: float
    """Seconds that its process had computed by then, in all threads."""


def environment(log: Path, hooks: Path, tree: Path) -> dict[str, str]:
    """For a program from the sources in `tree` that writes to `log`; makes the folder `hooks`."""
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    shutil.copy(__file__, hooks / "startup_marks.py")
    path = os.pathsep.join(map(str, (hooks, tree)))
    return {**os.environ, "PYTHONPATH": path, LOG: str(log), "OMP_NUM_THREADS": "1"}


def read(log: Path) -> list[Mark]:
    """What has been written so far."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    parts = (line.split("\t") for line in lines)
    return [Mark(place, float(at), float(cpu)) for place, at, cpu in parts]


def install() -> None:
    """Mark the places of this process from here on."""
    if LOG in os.environ:
        sys.meta_path.insert(0, Finder())


class Finder:
    """Finds nothing by itself; wraps the places of what others find."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system asks."""
        if name in self._open or not any(name == module for module, _, _ in PLACES.values()):
            return None
        self._open.add(name)
        others = (one.find_spec(name, path, target) for one in sys.meta_path if one is not self)
        spec = next((found for found in others if found is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                wrap(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def wrap(module: ModuleType) -> None:
    """Wrap the places of a module that was just loaded."""
    for place, (name, owner, function) in PLACES.items():
        if name == module.__name__:
            holder = getattr(module, owner, None) if owner else module
            if hasattr(holder, function):
                setattr(holder, function, marked(place, getattr(holder, function)))


def marked(place: str, call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The same call, marked the first time."""
    seen: set[str] = set()

    def mark(what: str) -> None:
        if what not in seen:
            seen.add(what)
            with Path(os.environ[LOG]).open("a", encoding="utf-8") as file:
                file.write(f"{what}\t{time.monotonic()}\t{time.process_time()}\n")

    @wraps(call)
    def calling(*given: Arguments.args, **named: Arguments.kwargs) -> Result:
        mark(place)
        try:
            return call(*given, **named)
        finally:
            mark(f"{place} ended")

    return calling
