"""The lists of a run's state that gain elements from generation to generation and keep the others.

None of them names an object.
"""

from collections.abc import Iterator
from typing import Any

from orchestrator.run_state.run import RunState
from state.grown_lists import Place, Values

RUN = ("known", "decisions", "tuned")
LINEAGE = ("bits_history", "train_history")
PHASE = (
    "best_history",
    "accepted_history",
    "distance_history",
    "draw_history",
    "complex_history",
    "transfer_history",
    "entropy_history",
)
HOST = ("history",)

EXCLUDED: dict[str, Any] = {
    **dict.fromkeys(RUN, True),
    "lineages": {"__all__": set(LINEAGE)},
    "phase": set(PHASE),
    "host": set(HOST),
}
"""A dump of the state without them."""


def growing_lists(run: RunState) -> dict[Place, Values]:
    """Each of them by its place in the state."""
    return dict(_places(run))


def _places(run: RunState) -> Iterator[tuple[Place, Values]]:
    for name in RUN:
        yield (name,), getattr(run, name)
    for number, lineage in enumerate(run.lineages):
        for name in LINEAGE:
            yield ("lineages", number, name), getattr(lineage, name)
    for name in PHASE if run.phase else ():
        yield ("phase", name), getattr(run.phase, name)
    for name in HOST if run.host else ():
        yield ("host", name), getattr(run.host, name)
