"""What follows the gate: the best copies are kept or gone back to, and the next phase begins."""

from collections.abc import Iterable, Sequence

from orchestrator.config import RunConfig
from orchestrator.gates.phase_gate import writes_worse
from orchestrator.gates.standing import ranked
from orchestrator.phases import phases_of
from orchestrator.run_state import Dormant, Gate, LineageState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.search_decision import best_dormant, restore
from state.genome import is_known


def leave(
    state: RunState, config: RunConfig, gate: Gate, candidates: Iterable[Dormant]
) -> RunState:
    """The run at the next phase, with the best of `candidates` kept or all of them given up."""
    tried = ranked(candidates, config.gate)
    vetoed = vetoed_lineages(state, config, tried)
    if gate.verdict == "revert":
        return _next_phase(_gone_back(state, vetoed), config)
    kept = distinct((*state.dormant, *tried), config)
    back = state if state.host else _as_found(state, vetoed)
    return _next_phase(back.model_copy(update={"dormant": kept}), config)


def vetoed_lineages(state: RunState, config: RunConfig, tried: Sequence[Dormant]) -> set[int]:
    """Whose champions have fewer bits than the best one and may not pass for it, because of what
    they write; and the best one itself, if that is shown to be worse than what was kept.
    """
    if not tried:
        return set()
    best = tried[0]
    bits = best.evaluation.bits_per_byte
    vetoed = {one.lineage for one in tried if one.evaluation.bits_per_byte < bits}
    return vetoed | ({best.lineage} if writes_worse(best, state.dormant, config.gate) else set())


def distinct(copies: Iterable[Dormant], config: RunConfig) -> tuple[Dormant, ...]:
    """The best copies, best first, one of each activation: the same formula in other weights is the
    same champion at another age.
    """
    kept: list[Dormant] = []
    for one in ranked(copies, config.gate):
        known = is_known(one.genome, [other.genome for other in kept])
        if len(kept) < config.evolution.num_dormant and not known:
            kept.append(one)
    return tuple(kept)


def _gone_back(state: RunState, vetoed: set[int]) -> RunState:
    """The best dormant copy goes on: as the host, else in its lineage."""
    copy = best_dormant(state)
    if state.host is None:
        return restore(_undone(_as_found(state, vetoed)), copy)
    host = host_of(state).model_copy(
        update={
            "genome": copy.genome,
            "checkpoint": copy.trained or copy.checkpoint,
            "age_steps": copy.age_steps,
            "lineage": copy.lineage,
            "best": copy,
            "before_decay": copy.trained or copy.checkpoint,
            "before_decay_age": copy.age_steps,
        }
    )
    return state.model_copy(update={"host": host})


def _as_found(state: RunState, indices: set[int]) -> RunState:
    """Living lineages with these indices as the phase found them."""
    starts = {one.index: one for one in phase_of(state).start_lineages}
    lineages = tuple(
        starts.get(one.index, one) if one.alive and one.index in indices else one
        for one in state.lineages
    )
    return state.model_copy(update={"lineages": lineages})


def _undone(state: RunState) -> RunState:
    """The lineages that the phase made worse as it found them; those that gained stay."""
    starts = {one.index: one for one in phase_of(state).start_lineages}
    lineages = tuple(_better(one, starts.get(one.index, one)) for one in state.lineages)
    return state.model_copy(update={"lineages": lineages})


def _better(now: LineageState, start: LineageState) -> LineageState:
    """What was not measured is no better, and a pruned lineage stays pruned."""
    if not now.alive or start.evaluation is None or now.evaluation is None:
        return now
    return start if start.evaluation.bits_per_byte < now.evaluation.bits_per_byte else now


def _next_phase(state: RunState, config: RunConfig) -> RunState:
    """The next phase; after the last the winner is known and the controls follow."""
    index = state.phase_index + 1
    update: dict[str, object] = {"phase_index": index, "work": None, "decisions": ()}
    if index < len(phases_of(config)):
        return state.model_copy(update={**update, "stage": "phase_start"})
    host = host_of(state)
    ended = {"stage": "control", "winner": host.best, "final_host": host, "host": None}
    return state.model_copy(update={**update, **ended})
