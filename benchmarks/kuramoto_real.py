"""The rates that a finished main job really had, and what other references would have said.

The product's own functions replay the oscillators from the stored bits per byte; that they give
the stored r again shows that nothing is missing.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from orchestrator.evolution.kuramoto import (
    MAX_COUPLING,
    MIN_COUPLING,
    advance,
    critical_coupling,
    initial_state,
    is_locked,
    kick,
    order_parameter,
)
from orchestrator.evolution.noise import null_differences, sigma
from orchestrator.phases import SIX_PHASES
from orchestrator.run_state import OscillatorState
from orchestrator.stages.synchrony import SMALLEST_SIGMA
from state.metrics_store import MetricsStore
from state.records import MemberRecord, Synchrony
from state.run_folder import RunFolder
from state.seeds import generator

CAPS = (inf, 10.0, MAX_COUPLING)
"""Largest reference coupling, in sigmas; a run has the last."""


class Generation(NamedTuple):
    """What the oscillators are told."""

    number: int
    ratio: float
    rates: dict[int, float]
    """In sigmas, by lineage."""
    changed: frozenset[int]
    """Lineages whose genome was replaced."""


def real_run(folder: Path) -> JsonValue:
    """Rates, couplings and locks of each generation of a run."""
    with MetricsStore.open(RunFolder(folder).metrics_db, writer=False) as store:
        run_id = store.latest_run()
        summary = store.summary(run_id) if run_id is not None else None
        if summary is None:
            raise ValueError(f"{folder} holds no run; give the folder of a finished main job")
        members, stored = store.members(summary.run_id), store.synchrony(summary.run_id)
    seed = int(str(summary.config.get("seed", 0)))
    generations = _generations(members, [record.generation for record in stored])
    rows: list[JsonValue] = [
        {
            "generation": now.number,
            "ratio": now.ratio,
            "rates": [round(rate, 2) for rate in now.rates.values()],
            "critical": round(critical_coupling(list(now.rates.values())), 2),
        }
        for now in generations
    ]
    replays = {str(cap): _replay(generations, seed, cap) for cap in CAPS}
    return {
        "seed": seed,
        "generations": rows,
        "largest_error_of_r": _largest_error(replays[str(MAX_COUPLING)], stored),
        "reference_without_cap": round(replays[str(inf)][0].coupling, 2),
        "locked_by_cap": {cap: [is_locked(s) for s in states] for cap, states in replays.items()},
        "r_by_cap": {cap: [_r(state) for state in states] for cap, states in replays.items()},
    }


def _generations(members: Sequence[MemberRecord], numbers: Sequence[int]) -> list[Generation]:
    by_generation: dict[int, list[MemberRecord]] = defaultdict(list)
    for member in members:
        by_generation[member.generation].append(member)
    couplings: dict[str, float] = {phase.name: phase.coupling for phase in SIX_PHASES}
    found = []
    for number in numbers:
        rows, before = by_generation[number], _bits(by_generation[number - 1])
        phase = rows[0].phase
        unit = max(_sigma(members, rows[0]), SMALLEST_SIGMA)
        rates = {lineage: (before[lineage] - bits) / unit for lineage, bits in _bits(rows).items()}
        changed = frozenset(row.lineage for row in rows if row.status == "accepted")
        found.append(Generation(number, couplings[phase], rates, changed))
    return found


def _bits(rows: Sequence[MemberRecord]) -> dict[int, float]:
    """Bits per byte of each lineage after a generation: those of the champion that goes on."""
    ordered = sorted(rows, key=lambda row: (row.lineage, row.status == "accepted"))
    return {
        row.lineage: row.bits_per_byte
        for row in ordered
        if (row.role == "champion" or row.status == "accepted") and row.bits_per_byte is not None
    }


def _sigma(members: Sequence[MemberRecord], now: MemberRecord) -> float:
    """Of the null pairs of the phase so far."""
    runs: dict[tuple[int, int], list[float]] = defaultdict(list)
    for role in ("champion", "null"):
        for row in members:
            past = row.phase == now.phase and row.generation <= now.generation
            if past and row.role == role and row.bits_per_byte is not None:
                runs[row.generation, row.lineage].append(row.bits_per_byte)
    pairs = [one for values in runs.values() for one in null_differences(values)]
    return sigma(pairs) or 0.0


def _replay(generations: Sequence[Generation], seed: int, cap: float) -> list[OscillatorState]:
    states: list[OscillatorState] = []
    for now in generations:
        rates = list(now.rates.values())
        state = states[-1] if states else _first_state(rates, seed, cap)
        state = advance(state, rates, now.ratio)
        for position, lineage in enumerate(now.rates):
            state = kick(state, position) if lineage in now.changed else state
        states.append(state)
    return states


def _first_state(rates: Sequence[float], seed: int, cap: float) -> OscillatorState:
    state = initial_state(rates, generator(seed, "phases"))
    coupling = min(max(critical_coupling(rates), MIN_COUPLING), cap)
    return state.model_copy(update={"coupling": coupling})


def _largest_error(states: Sequence[OscillatorState], stored: Sequence[Synchrony]) -> float:
    pairs = zip(states, stored, strict=True)
    return float(f"{max(abs(_r(state) - record.r) for state, record in pairs):.2g}")


def _r(state: OscillatorState) -> float:
    return round(order_parameter(state.phases)[0], 4)
