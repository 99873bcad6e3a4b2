"""Answering the findings of a generation: settings change, and their evidence is begun anew."""

from collections.abc import Mapping, Sequence

from orchestrator import ledger as books
from orchestrator.adaptation import RESETS_CONSENSUS, can_change, respond
from orchestrator.config import RunConfig
from orchestrator.evolution.kuramoto import order_parameter
from orchestrator.evolution.population import rescale
from orchestrator.run_state import PhaseState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import configured_phase
from state.records import Adjustment, Decision, Finding

EVIDENCE: Mapping[str, str] = {
    "fusion_trap": "entropy_history",
    "complexity": "complex_history",
    "exhaustion": "draw_history",
}
"""What a finding is drawn from and an answer makes worthless: it was gathered before it."""


def answerable(
    state: RunState, config: RunConfig, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The findings whose answer would change something."""
    phase, settings = configured_phase(state, config), phase_of(state).settings
    return tuple(one for one in findings if can_change(one, settings, phase, config.evolution))


def answer(
    state: RunState, config: RunConfig, decision: Decision, findings: Sequence[Finding]
) -> tuple[RunState, Decision]:
    """Change what the findings call for; the next answer waits for the phase's cooldown."""
    configured = configured_phase(state, config)
    answered = answerable(state, config, findings)
    settings = phase_of(state).settings
    adjustments: tuple[Adjustment, ...] = ()
    for finding in answered:
        settings, changes = respond(finding, settings, configured)
        adjustments = (*adjustments, *changes)
    names = {finding.detector for finding in answered}
    phase = _begun_anew(phase_of(state), names)
    phase = phase.model_copy(update={"settings": settings, "cooldown_left": configured.cooldown})
    state = state.model_copy(update={"phase": phase})
    if names & set(RESETS_CONSENSUS):
        state = _without_consensus(state)
    return state, decision.model_copy(update={"adjustments": adjustments})


def resize(
    state: RunState, config: RunConfig, decision: Decision, findings: Sequence[Finding]
) -> tuple[RunState, Decision]:
    """Let the population grow or shrink beside a decision that goes on with the phase."""
    configured = configured_phase(state, config)
    waits = any(one.detector == "punctuated" for one in findings)
    findings = [one for one in findings if one.detector not in config.evolution.withheld]
    phase, changes, reason = rescale(
        phase_of(state),
        configured,
        [one for one in findings if not (waits and one.detector == "stagnation")],
        order_parameter(state.oscillators.phases)[0] if state.oscillators else None,
        sum(lineage.alive for lineage in state.lineages),
        books.remaining(state.ledger, configured.name),
    )
    state = state.model_copy(update={"phase": phase})
    if not changes:
        return state, decision
    also = "" if decision.kind == "continue" and not waits else f"{decision.reason}; "
    update = {
        "kind": "adapt",
        "reason": f"{also}population: {reason}",
        "adjustments": (*decision.adjustments, *changes),
    }
    return state, decision.model_copy(update=update)


def count_exhaustions(state: RunState, findings: Sequence[Finding]) -> RunState:
    """Count the generations that are exhausted although more was tried already."""
    phase = phase_of(state)
    exhausted = any(finding.detector == "exhaustion" for finding in findings)
    if not exhausted or not phase.settings.leaf_pool:
        return state
    phase = phase.model_copy(update={"exhaustions": phase.exhaustions + 1})
    return state.model_copy(update={"phase": phase})


def _begun_anew(phase: PhaseState, detectors: set[str]) -> PhaseState:
    empty = {name: () for detector, name in EVIDENCE.items() if detector in detectors}
    return phase.model_copy(update=empty)


def _without_consensus(state: RunState) -> RunState:
    """The lineages' running means begin again as their weights."""
    lineages = tuple(one.model_copy(update={"consensus": None}) for one in state.lineages)
    return state.model_copy(update={"lineages": lineages})
