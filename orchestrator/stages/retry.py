"""The second attempt of a search phase: what it costs, what it changes, how it begins."""

from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.adaptation import SMALLEST_SCALE, has_response, respond
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.phases import SearchFit, fit_search
from orchestrator.run_state import PhaseSettings, PhaseState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import configured_phase
from orchestrator.stages.effort import effort_of
from orchestrator.stages.phase_start import FIRST_COOLDOWN
from orchestrator.stages.search_decision import floor_steps
from orchestrator.stages.share_shift import moves
from state.records import Adjustment


class Retry(NamedTuple):
    """A second attempt that can be paid."""

    cost: int
    fit: SearchFit
    settings: PhaseSettings


def offer(state: RunState, config: RunConfig) -> Retry | str:
    """The second attempt of the phase that has just ended, or why there is none.

    It costs what the first one did, or what Endosymbiosis can spare above its floor where that is
    less and still holds a search.
    """
    phase, ongoing = configured_phase(state, config), phase_of(state)
    if phase.kind != "search":
        return f"{phase.name} is not begun again"
    if ongoing.retries:
        return "this was the second attempt"
    whole = books.line(state.ledger, phase.name).allotted - ongoing.settled_before
    spare = books.remaining(state.ledger, "endosymbiosis") - floor_steps(config)
    cost = min(whole, spare)
    settings = _answered(ongoing, phase, config)
    fit = _fit(state, config, settings, max(0, cost))
    if cost < whole and not fit.null_pairs:
        return f"endosymbiosis can spare {max(0, spare)} steps, too few for a second attempt"
    fitted = {
        "population": fit.population,
        "population_scale": 1.0,
        "steps_per_candidate": fit.steps_per_candidate,
    }
    return Retry(cost, fit, settings.model_copy(update=fitted))


def _answered(ongoing: PhaseState, phase: PhaseConfig, config: RunConfig) -> PhaseSettings:
    """The settings that the first attempt ended with, every kind of finding that it made answered
    once more, and half the learning rate.
    """
    settings = ongoing.settings
    for finding in {one.detector: one for one in ongoing.findings}.values():
        if has_response(finding, config.evolution):
            settings, _ = respond(finding, settings, phase)
    if settings.lr_scale == ongoing.settings.lr_scale:
        halved = max(SMALLEST_SCALE, settings.lr_scale / 2)
        settings = settings.model_copy(update={"lr_scale": min(settings.lr_scale, halved)})
    return settings


def _fit(state: RunState, config: RunConfig, settings: PhaseSettings, steps: int) -> SearchFit:
    phase = configured_phase(state, config)
    adapted = phase.model_copy(update={"steps_per_candidate": settings.steps_per_candidate})
    living = sum(lineage.alive for lineage in phase_of(state).start_lineages)
    effort = effort_of(state, config, phase.name)
    return fit_search(adapted, config.evolution, steps, living, effort=effort)


def adjustments(state: RunState, after: RunState) -> tuple[Adjustment, ...]:
    """What the second attempt has otherwise than the first: settings, and steps of the phases."""
    before, now = phase_of(state).settings, phase_of(after).settings
    changed = tuple(
        Adjustment(setting=name, before=getattr(before, name), after=getattr(now, name))
        for name in PhaseSettings.model_fields
        if getattr(before, name) != getattr(now, name)
    )
    return (*changed, *moves(state.ledger, after.ledger))


def begin_again(state: RunState, config: RunConfig, retry: Retry) -> RunState:
    """The phase from the lineages as it found them, paid by Endosymbiosis."""
    phase, ongoing = configured_phase(state, config), phase_of(state)
    ledger = books.transfer(state.ledger, "endosymbiosis", phase.name, retry.cost)
    keeps_noise = _keeps_noise(ongoing, retry)
    again = PhaseState(
        settings=retry.settings,
        fit=retry.fit,
        first_generation=state.generation,
        start_lineages=ongoing.start_lineages,
        start_oscillators=ongoing.start_oscillators,
        null_differences=ongoing.null_differences if keeps_noise else (),
        replicate_differences=ongoing.replicate_differences if keeps_noise else (),
        cooldown_left=min(phase.cooldown, FIRST_COOLDOWN),
        extensions=ongoing.extensions,
        retries=1,
        settled_before=books.line(ledger, phase.name).settled,
    )
    update = {
        "ledger": ledger,
        "lineages": ongoing.start_lineages,
        "oscillators": ongoing.start_oscillators,
        "phase": again,
        "stage": "generation",
        "work": None,
        "decisions": (),
    }
    return state.model_copy(update=update)


def _keeps_noise(ongoing: PhaseState, retry: Retry) -> bool:
    """Pairs hold for candidates of one length."""
    lengths = {ongoing.settings.steps_per_candidate, retry.fit.steps_per_candidate}
    if ongoing.fit is not None:
        lengths.add(ongoing.fit.steps_per_candidate)
    return len(lengths) == 1
