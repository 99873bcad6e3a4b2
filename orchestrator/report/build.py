"""Filling the final report of the six phases from a finished run's state and store."""

import hashlib
from collections import Counter

from orchestrator.commits import Saved
from orchestrator.report.control_evaluations import control_evaluations
from orchestrator.report.final_report import (
    ControlScore,
    EnsembleSummary,
    FinalReport,
    PopulationSummary,
    Winner,
)
from orchestrator.report.page.intervals import lead
from orchestrator.report.phase_facts import phase_summaries
from orchestrator.report.run_facts import final_of, run_report
from orchestrator.run_state import RunState
from orchestrator.stages.finale import winner_of
from state.genome import fingerprint, is_gated, size
from state.metrics_store import MetricsStore
from state.records import MemberRecord
from state.run_folder import RunFolder

# Challengers that were not accepted but are worth a line.
NUM_RUNNERS_UP = 10


def build_report(folder: RunFolder, saved: Saved) -> FinalReport:
    """The report of a finished run.

    Raises:
        ValueError: the run is not finished.
    """
    state = saved.run
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        members = store.members(state.run_id)
        batteries = store.batteries(state.run_id)
        synchrony = store.synchrony(state.run_id)
        phases = phase_summaries(state, store)
    return FinalReport(
        **dict(run_report(folder, saved, _command(saved))),
        phases=phases,
        batteries=batteries,
        winner=_winner(state, members),
        ensemble=ensemble_of(state),
        synchrony=synchrony,
        population=population_of(state),
        members=worth_telling(members),
        control=_controls(folder, state),
    )


def _controls(folder: RunFolder, state: RunState) -> tuple[ControlScore, ...]:
    final, seen = final_of(state), control_evaluations(folder.results_jsonl, state)
    ours = final.test or final.search
    steps = {one.name: one.steps for one in state.controls}
    return tuple(
        ControlScore(
            name=name,
            bits_per_byte=bits,
            interval=lead(ours, one) if one else None,
            ended_after=steps[name] if steps[name] < state.ledger.budget else None,
        )
        for (name, bits), (_, one) in zip(final.controls, seen, strict=True)
    )


def _command(saved: Saved) -> str:
    config = saved.config
    parts = ["symbio-auto", "--data", *config.data.paths, "--budget", str(config.budget)]
    parts += ["--seed", str(config.seed), "--model", config.model.size]
    if config.control:
        parts += ["--control", ",".join(config.control)]
    return " ".join(parts)


def _winner(state: RunState, members: tuple[MemberRecord, ...]) -> Winner:
    best = winner_of(state)
    born = next(
        (one for one in members if one.status == "accepted" and one.genome == best.genome), None
    )
    digest = hashlib.sha256(repr(fingerprint(best.genome)).encode()).hexdigest()[:16]
    return Winner(
        formula=best.genome.formula,
        gated=is_gated(best.genome),
        nodes=size(best.genome).nodes,
        fingerprint=digest,
        parents=best.parents,
        lineage=best.lineage,
        operator=born.operator if born else "",
        phase=born.phase if born else None,
        generation=born.generation if born else None,
    )


def ensemble_of(state: RunState) -> EnsembleSummary | None:
    """What the symbionts' average was worth; None before it is measured."""
    measured = state.ensemble
    if measured is None:
        return None
    return EnsembleSummary(
        bits_per_byte=measured.bits_per_byte,
        disagreement=measured.disagreement,
        distil_weight=measured.distil_weight,
        best_member_bits_per_byte=measured.best_bits_per_byte,
        refused=measured.refused,
        teaching=measured.teaching,
        host_passes=measured.host_passes,
    )


def population_of(state: RunState) -> PopulationSummary:
    """Tallies of the search so far."""
    counts = state.counts
    return PopulationSummary(
        evaluated=counts.evaluated,
        known_redrawn=counts.known_redrawn,
        accepted=counts.accepted,
        null_accepted=counts.null_accepted,
        null_evaluated=counts.null_evaluated,
        fusions=_fusions(state),
    )


def _fusions(state: RunState) -> dict[str, int]:
    """Genomes that were tried, by the fusion that they name; empty where it does not evolve."""
    tried = Counter(kind for one in state.known if (kind := one.fusion) is not None)
    return dict(sorted(tried.items()))


def worth_telling(members: tuple[MemberRecord, ...]) -> tuple[MemberRecord, ...]:
    """The accepted challengers and the best of the others."""
    accepted = [one for one in members if one.status == "accepted"]
    others = [
        one
        for one in members
        if one.role == "challenger" and one.status == "trained" and one.gain is not None
    ]
    best = sorted(others, key=lambda one: -(one.gain or 0.0))[:NUM_RUNNERS_UP]
    return (*accepted, *best)
