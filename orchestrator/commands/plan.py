"""`symbio-auto plan`: what a run would do with its budget, before it starts."""

import argparse
import json

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import MANY_PASSES, may_shift
from orchestrator.flags import settings_of
from orchestrator.phases import fit_search, phases_of, purpose, shares_of
from orchestrator.resolve import corpus_bytes, resolve_shape
from orchestrator.settings import build_config
from state.base import Record


class PlannedPhase(Record):
    """One line of the plan."""

    phase: str
    steps: int
    population: int | None = None
    steps_per_candidate: int | None = None
    null_pairs: int | None = None
    purpose: str
    note: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    config = build_config(settings_of(arguments), config_file=arguments.config)
    resolution = resolve_shape(config, corpus_bytes(config.data.paths))
    plan = planned_phases(resolution.config)
    if arguments.json:
        print(json.dumps([one.model_dump() for one in plan]))
        return 0
    for note in resolution.notes:
        print(note)
    print(f"{'phase':15}{'steps':>8}{'members':>9}{'steps each':>12}  purpose")
    for one in plan:
        members, each = one.population or "-", one.steps_per_candidate or "-"
        print(f"{one.phase:15}{one.steps:8}{members:>9}{each:>12}  {one.purpose}")
        if one.note:
            print(f"{'':15}{one.note}")
    print(f"{'total':15}{config.budget:8}")
    if may_shift(resolution.config):
        print(
            f"where primordial ends, a run that passes over its text under {MANY_PASSES:g} times "
            "leaves\ncambrian and oxidation what they need and gives the rest to the host"
        )
    if not config.control:
        print(f"--control gelu adds a baseline of {config.budget} steps, outside the budget")
    return 0


def planned_phases(config: RunConfig) -> list[PlannedPhase]:
    """The phases as a run would begin them; what a phase saves later moves on to the host."""
    parts = books.allot(config.budget, shares_of(config))
    lines = []
    for phase in phases_of(config):
        steps = parts[phase.name]
        line = PlannedPhase(phase=phase.name, steps=steps, purpose=purpose(phase.name))
        if phase.kind == "search":
            fit = fit_search(phase, config.evolution, steps, config.evolution.lineages)
            line = line.model_copy(
                update={
                    "population": fit.population,
                    "steps_per_candidate": fit.steps_per_candidate,
                    "null_pairs": fit.null_pairs,
                    "note": fit.note,
                }
            )
        lines.append(line)
    return lines
