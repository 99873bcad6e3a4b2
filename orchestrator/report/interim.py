"""What can be told of a run that is not finished: the report's own sections, as far as they go."""

from typing import NamedTuple

from orchestrator.commits import Saved, best_bits_per_byte
from orchestrator.phases import phases_of
from orchestrator.report.build import ensemble_of, population_of, worth_telling
from orchestrator.report.escape import inline
from orchestrator.report.final_report import (
    BudgetSummary,
    EnsembleSummary,
    PhaseSummary,
    PopulationSummary,
    SlownessSummary,
)
from orchestrator.report.illustrations import Section
from orchestrator.report.markdown import (
    ensemble_text,
    phases_text,
    population_text,
    synchrony_text,
)
from orchestrator.report.phase_facts import phase_summaries
from orchestrator.report.quantities import bpb, count, operations, seconds
from orchestrator.report.run_facts import budget_of
from orchestrator.report.story import story
from orchestrator.report.validation import validation_of, validation_section
from orchestrator.report.writing import writing
from state.metrics_reader import MetricsReader
from state.records import BatteryReport, MemberRecord, Synchrony


class Interim(NamedTuple):
    """A run between its first commit and its last."""

    saved: Saved
    budget: BudgetSummary
    phases: tuple[PhaseSummary, ...]
    members: tuple[MemberRecord, ...]
    synchrony: tuple[Synchrony, ...]
    batteries: tuple[BatteryReport, ...]
    slowness: SlownessSummary
    ensemble: EnsembleSummary | None
    population: PopulationSummary


def interim_of(saved: Saved, store: MetricsReader) -> Interim:
    """What commit and store hold now; the store may be some steps ahead."""
    state, telemetry = saved.run, saved.telemetry
    return Interim(
        saved=saved,
        budget=budget_of(state),
        phases=phase_summaries(state, store),
        members=worth_telling(store.members(state.run_id)),
        synchrony=store.synchrony(state.run_id),
        batteries=store.batteries(state.run_id),
        slowness=SlownessSummary(
            late_phases=telemetry.watchdog.late, collapses=telemetry.throughput.collapses
        ),
        ensemble=ensemble_of(state),
        population=population_of(state),
    )


def sections(one: Interim) -> tuple[Section, ...]:
    """Its parts in order; what has not begun is left out."""
    title = f"Run {inline(one.saved.run.run_id)}, so far"
    parts = [Section("result", title, _standing(one))]
    if one.saved.config.mode == "phases":
        ended = phases_text(one.phases, one.budget) if one.phases else "No phase has ended yet."
        parts.append(Section("phases", "The phases", ended))
        parts += validation_section(validation_of(one.saved))
        if one.phases:
            parts.append(Section("story", "What happened", story(one)))
        tried = population_text(one.population, one.members)
        parts.append(Section("tried", "What was tried", tried))
        if one.synchrony:
            parts.append(Section("synchrony", "Synchrony", synchrony_text(one.synchrony)))
        if one.ensemble is not None:
            parts.append(Section("ensemble", "The ensemble", ensemble_text(one.ensemble)))
        if one.batteries:
            parts.append(Section("writing", "What the model writes", writing(one.batteries)))
    else:
        parts.append(Section("course", "How it goes", "Each evaluation is of the search split."))
        parts.append(Section("seen", "What was seen", _found(one)))
    return (*parts, Section("cost", "Cost", _cost(one)))


def standing(saved: Saved) -> str:
    """`phase cambrian, 300 of 1,500 steps`."""
    state, phases = saved.run, phases_of(saved.config)
    place = state.phase_index
    name = phases[place].name if 0 <= place < len(phases) else "its controls"
    budget = budget_of(state)
    return f"{name}, {budget.spent:,} of {budget.requested:,} steps"


def _standing(one: Interim) -> str:
    best = best_bits_per_byte(one.saved.run)
    found = "Nothing was measured yet."
    if best is not None:
        found = f"**{bpb(best)} bits per byte on the search split** is the best so far."
    return (
        f"{found} The run is not finished: {standing(one.saved)}. The test split stays closed "
        "until its end, so this is no result yet."
    )


def _found(one: Interim) -> str:
    phase = one.saved.run.phase
    names = dict.fromkeys(finding.detector for finding in phase.findings) if phase else {}
    seen = ", ".join(inline(name.replace("_", " ")) for name in names)
    return f"The detectors saw: {seen}." if seen else "Nothing that a detector knows."


def _cost(one: Interim) -> str:
    ledger, telemetry = one.saved.run.ledger, one.saved.telemetry
    return (
        f"{one.budget.spent:,} member-steps, {count(ledger.tokens)} tokens, "
        f"{operations(ledger.training_flops)} in training and "
        f"{operations(ledger.evaluation_flops)} in evaluation, in "
        f"{seconds(telemetry.wall_seconds)}."
    )
