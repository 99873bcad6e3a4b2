"""The phases of a run as it would begin them, and the steps that they will likely have."""

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.evolution.regime import regime_of, shifted
from orchestrator.phases import (
    YIELDING,
    Effort,
    SearchFit,
    fit_search,
    phases_of,
    purpose,
    shares_of,
)
from state.base import Record
from state.records import Ledger, PhaseName


class PlannedPhase(Record):
    """One phase. Search phases alone have a population."""

    phase: PhaseName
    steps: int
    """Of the budget, as the run begins."""
    likely_steps: int
    """Once the shares have shifted, if they will; `steps` where nothing is known of the text."""
    population: int | None = None
    steps_per_candidate: int | None = None
    null_pairs: int | None = None
    purpose: str
    note: str = ""


class Allotment(NamedTuple):
    """Steps by phase, and whether Cambrian and Oxidation go without what they do not need."""

    steps: Mapping[PhaseName, int]
    lean: bool = False


def planned_phases(config: RunConfig) -> list[PlannedPhase]:
    """The phases in their order. A search phase is fitted into its likely steps."""
    if config.mode == "train":
        (phase,) = phases_of(config)
        return [_line(phase, config.budget, config.budget)]
    first = books.allot(config.budget, shares_of(config))
    likely = likely_allotment(config)
    lines = []
    for phase in phases_of(config):
        line = _line(phase, first[phase.name], likely.steps[phase.name])
        fit = fit_of(config, phase, likely)
        if fit is not None:
            fitted = fit.model_dump(include={"population", "steps_per_candidate", "null_pairs"})
            line = line.model_copy(update={**fitted, "note": fit.note})
        lines.append(line)
    return lines


def fit_of(config: RunConfig, phase: PhaseConfig, allotment: Allotment) -> SearchFit | None:
    """A search phase in its steps; None for the others."""
    if phase.kind != "search":
        return None
    lean = allotment.lean and phase.name in YIELDING
    steps, lineages = allotment.steps[phase.name], config.evolution.lineages
    effort: Effort = "lean" if lean else "full"
    return fit_search(phase, config.evolution, steps, lineages, effort=effort)


def likely_allotment(config: RunConfig) -> Allotment:
    """The steps after the shift at the end of Primordial, as the length of the text decides it.

    What the run finds of its own overfitting, and retries, can still change it.
    """
    first = books.allot(config.budget, shares_of(config))
    regime = regime_of(config, ())
    if regime is None:
        return Allotment(first)
    ledger = books.open_ledger(config.budget, shares_of(config), ())
    for name in ("abiogenesis", "primordial"):
        ledger = books.settle(books.reserve(ledger, name, first[name]), name, first[name])
    ledger = shifted(config, ledger, config.evolution.lineages, regime).ledger
    return Allotment(_steps(ledger), lean=True)


def _line(phase: PhaseConfig, steps: int, likely: int) -> PlannedPhase:
    return PlannedPhase(
        phase=phase.name, steps=steps, likely_steps=likely, purpose=purpose(phase.name)
    )


def _steps(ledger: Ledger) -> dict[PhaseName, int]:
    return {line.phase: line.allotted for line in ledger.lines}
