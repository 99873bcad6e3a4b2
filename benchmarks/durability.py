"""What surviving every kill costs: the share of wall time that makes work durable.

python -m benchmarks.durability --data TEXT --budget 2000

One run with the inline engine, in this process, so that everything is on one clock. What is
counted: storing members, remembering finished and unfinished tasks, rows of the store and the
journals, commits with their collection. Nested calls are counted once, where they are outermost.
"""

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.controller import Controller
from orchestrator.preparation import prepare_run
from orchestrator.recorder import Recorder
from orchestrator.session import execute
from orchestrator.settings import build_config
from state import durable
from state.partial import PartialWork
from trainer.member import Member
from trainer.snapshots import Snapshots

PLACES: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    ("commits", Controller, ("commit",)),
    ("store and journals", Recorder, ("record", "record_run", "record_outcomes")),
    ("members", Member, ("save",)),
    ("finished tasks", PartialWork, ("finish", "outcome")),
    ("unfinished tasks", PartialWork, ("progress",)),
    ("unfinished tasks", Snapshots, ("save",)),
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Clock:
    """Seconds by place, of the outermost calls."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inside = False

    def timed(self, place: str, call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """The same call, on this clock."""

        @wraps(call)
        def measured(*given: Arguments.args, **named: Arguments.kwargs) -> Result:
            if self._inside:
                return call(*given, **named)
            self._inside, started = True, time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                self._inside = False
                self.seconds[place] += time.perf_counter() - started
                self.calls[place] += 1

        return measured


@contextmanager
def measured(clock: Clock) -> Iterator[None]:
    """Every place on the clock, every durable operation counted."""
    with ExitStack() as stack:
        for place, owner, names in PLACES:
            for name in names:
                call = clock.timed(place, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, call))
        stack.enter_context(
            durable.intercepted(lambda operation, _: clock.calls.update([operation]))
        )
        yield


def main() -> None:
    """One run; print and write the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/historic.txt")
    parser.add_argument("--budget", type=int, default=2000)
    arguments = parser.parse_args()
    figures = run(arguments.data, arguments.budget)
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(write_result(f"durability-{arguments.budget}", figures))


def run(data: str, budget: int) -> dict[str, JsonValue]:
    """Wall time of the run and what of it each place took."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as temporary:
        settings: dict[str, JsonValue] = {
            "data": {"paths": [data]},
            "budget": budget,
            "run_dir": str(Path(temporary) / "run"),
            "engine": {"engine": "inline"},
        }
        prepared = prepare_run(build_config(settings, environment={}))
        started_at = time.monotonic()
        with measured(clock):
            execute(prepared, started_at=started_at)
        wall = time.monotonic() - started_at
    return {
        "data": Path(data).name,
        "wall_seconds": round(wall, 1),
        "share": round(sum(clock.seconds.values()) / wall, 4),
        "shares": {place: round(took / wall, 5) for place, took in sorted(clock.seconds.items())},
        "calls": dict(sorted(clock.calls.items())),
    }


if __name__ == "__main__":
    main()
