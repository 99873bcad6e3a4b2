"""From the table's decision to the next state of a search phase."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.kuramoto import drop, is_locked
from orchestrator.run_state import Dormant, LineageState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import configured_phase, current_phase
from orchestrator.stages.effort import extensions_of, tried_in_vain
from orchestrator.stages.search_answer import answer, answerable, resize
from orchestrator.stages.search_plan import next_cost
from orchestrator.transitions import Situation
from state.records import Decision, Finding, PhaseName


def situation(
    before: RunState, after: RunState, config: RunConfig, findings: tuple[Finding, ...]
) -> Situation:
    """What the transition table compares after this generation."""
    phase, name = phase_of(after), current_phase(after, config)
    advanced = after.model_copy(update={"generation": after.generation + 1})
    dormant = best_dormant(after).evaluation.bits_per_byte if after.dormant else None
    cost = next_cost(advanced, config)
    extensions = extensions_of(after, config, cost)
    return Situation(
        phase=name,
        generation=before.generation,
        findings=findings,
        answerable=answerable(after, config, findings),
        best_bits_per_byte=_best_now(after),
        dormant_bits_per_byte=dormant,
        steps_left=books.remaining(after.ledger, name),
        generation_cost=cost,
        recent_acceptance=any(phase.accepted_history[-2:]),
        extensions=phase.extensions if not phase.closing else extensions,
        max_extensions=extensions,
        endosymbiosis_left=books.remaining(after.ledger, "endosymbiosis"),
        endosymbiosis_floor=floor_steps(config),
        locked=after.oscillators is not None and is_locked(after.oscillators),
        distance=phase.distance_history[-1] if phase.distance_history else None,
        best_history=phase.best_history,
        cooldown_left=phase.cooldown_left,
        exhaustions=phase.exhaustions,
        closing=phase.closing,
        tried_in_vain=tried_in_vain(after, config),
        reverted=any(decision.kind == "revert" for decision in after.decisions),
    )


def floor_steps(config: RunConfig) -> int:
    """Steps that extensions and retries leave to Endosymbiosis."""
    return int(config.evolution.endosymbiosis_floor * config.budget)


def apply(
    after: RunState,
    config: RunConfig,
    decision: Decision,
    findings: tuple[Finding, ...],
) -> tuple[RunState, Decision]:
    """Carry the decision out and move on to the next generation or to the end of the phase."""
    name = current_phase(after, config)
    phase = phase_of(after)
    cooldown = max(0, phase.cooldown_left - 1)
    settings = phase.settings
    if not any(finding.detector == "collapse" for finding in findings):
        settings = settings.model_copy(update={"random_members": 0})
    phase = phase.model_copy(update={"cooldown_left": cooldown, "settings": settings})
    after = after.model_copy(update={"phase": phase, "generation": after.generation + 1})
    match decision.kind:
        case "extend":
            after = _extend(after, name, int(decision.numbers["generation_cost"]))
        case "advance":
            after = _advance(after, config, decision)
        case "adapt":
            after, decision = answer(after, config, decision, findings)
            after, decision = resize(after, config, decision, findings)
        case "continue":
            after, decision = resize(after, config, decision, findings)
        case "revert":
            after = restore(after, best_dormant(after))
        case _:
            pass
    over = books.remaining(after.ledger, name) == 0
    update = {
        "stage": "phase_end" if over else "generation",
        "work": None,
        "decisions": (*after.decisions, decision),
        "last_decision": decision,
    }
    return after.model_copy(update=update), decision


def best_dormant(state: RunState) -> Dormant:
    """The best copy that was kept."""
    return state.dormant[0]


def restore(state: RunState, dormant: Dormant) -> RunState:
    """Give the dormant copy's lineage its weights and genome back.

    If that lineage was pruned, the copy takes the place of the worst living one.
    """
    living = [lineage for lineage in state.lineages if lineage.alive]
    own = [lineage.index for lineage in living if lineage.index == dormant.lineage]
    place = own[0] if own else max(living, key=_bits).index
    lineages = tuple(
        _awakened(lineage, dormant) if lineage.index == place else lineage
        for lineage in state.lineages
    )
    return state.model_copy(update={"lineages": lineages})


def _awakened(lineage: LineageState, dormant: Dormant) -> LineageState:
    return lineage.model_copy(
        update={
            "genome": dormant.genome,
            "checkpoint": dormant.checkpoint,
            "consensus": None,
            "bits_history": (),
            "train_history": (),
            "evaluation": dormant.evaluation,
            "age_steps": dormant.age_steps,
            "parents": dormant.parents,
        }
    )


def _best_now(state: RunState) -> float:
    return min(
        lineage.evaluation.bits_per_byte
        for lineage in state.lineages
        if lineage.alive and lineage.evaluation
    )


def _extend(state: RunState, name: PhaseName, cost: int) -> RunState:
    phase = phase_of(state)
    needed = max(0, cost - books.remaining(state.ledger, name))
    ledger = books.transfer(state.ledger, "endosymbiosis", name, needed)
    phase = phase.model_copy(update={"extensions": phase.extensions + 1})
    return state.model_copy(update={"ledger": ledger, "phase": phase})


def _advance(state: RunState, config: RunConfig, decision: Decision) -> RunState:
    """Close the phase. What convergence saved goes to Endosymbiosis; what a search in vain saved to
    Cambrian, of which it is then asked what it needs; a mere remainder trains, and so does all of
    Oxidation, which anneals the lineages.
    """
    numbers, name = decision.numbers, decision.phase
    if name != "oxidation" and numbers["steps_left"] >= numbers["generation_cost"]:
        target: PhaseName = "cambrian" if tried_in_vain(state, config) else "endosymbiosis"
        left = books.remaining(state.ledger, name)
        ledger = books.transfer(state.ledger, name, target, left)
        state = state.model_copy(update={"ledger": ledger})
    phase = phase_of(state).model_copy(update={"closing": True})
    return state.model_copy(update={"phase": phase})


def prune(state: RunState, config: RunConfig) -> RunState:
    """In Oxidation, drop lineages far behind the best; two at least go on."""
    phase = configured_phase(state, config)
    if phase.name != "oxidation":
        return state
    limit = _best_now(state) * (1 + config.evolution.prune_margin)
    for lineage in sorted(state.lineages, key=lambda one: -_bits(one)):
        living = [one.index for one in state.lineages if one.alive]
        if lineage.alive and _bits(lineage) > limit and len(living) > 2:
            oscillators = state.oscillators and drop(state.oscillators, living.index(lineage.index))
            lineages = tuple(
                one.model_copy(update={"alive": False}) if one.index == lineage.index else one
                for one in state.lineages
            )
            state = state.model_copy(update={"lineages": lineages, "oscillators": oscillators})
    return state


def _bits(lineage: LineageState) -> float:
    return lineage.evaluation.bits_per_byte if lineage.evaluation else float("inf")
