"""Starting an engine's workers beside what comes before their first task."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchestrator.config import EngineConfig

Start = Callable[[EngineConfig], None]


@contextmanager
def early_workers() -> Iterator[Start]:
    """Give what starts the workers of a resolved configuration and does not wait for them.

    Whoever builds that engine inside takes them; those that nobody took end here. Call it once
    what can be said at a look has been said: who is refused should not wait for Ray.
    """
    try:
        yield _start
    finally:
        workers = sys.modules.get("orchestrator.workers")
        if workers is not None:
            workers.end_ahead()


def _start(engine: EngineConfig) -> None:
    """An inline engine has nothing to start."""
    if engine.engine == "ray":
        from orchestrator.workers import start_ahead

        start_ahead(engine.workers or 1, engine.ray_address)
