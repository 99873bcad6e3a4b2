"""Which objects a commit keeps besides those that it needs."""

from collections.abc import Iterator

from orchestrator.run_state import RunState
from state.commit import Kept

BYTES_PER_GB = 1_000_000_000


def retained(before: Kept, state: RunState, needed: dict[str, int], keep_gb: float) -> Kept:
    """What is kept after `before`: champions of phase ends with the running means of their
    lineages, and older generations while they fit.

    Only concluded stages are remembered, so members that lost are not: an open stage keeps what
    the stage before it kept.
    """
    if state.work is not None:
        return before
    champions = before.champions
    if state.stage == "phase_end":
        champions = {**champions, **{sha: needed[sha] for sha in champions_of(state)}}
    known = {**needed, **{sha: size for sha, size in before.earlier if sha not in needed}}
    free = needed.keys() | champions.keys()
    earlier = _fitting(known, free, round(keep_gb * BYTES_PER_GB))
    return Kept(champions=champions, earlier=tuple(earlier))


def champions_of(state: RunState) -> list[str]:
    """The checkpoints of the host, or of the lineages that live and of their running means."""
    if state.host:
        return [state.host.checkpoint] if state.host.checkpoint else []
    living = [one for one in state.lineages if one.alive]
    return [sha for one in living for sha in (one.checkpoint, one.consensus) if sha]


def _fitting(known: dict[str, int], free: set[str], limit: int) -> Iterator[tuple[str, int]]:
    """The first of `known` that together stay within `limit` bytes; what is free costs nothing."""
    total = 0
    for sha, num_bytes in known.items():
        total += 0 if sha in free else num_bytes
        if total > limit:
            return
        yield sha, num_bytes
