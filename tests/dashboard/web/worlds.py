"""Runs for the pages: small stores written as a run writes them, without training anything."""

from collections.abc import Iterator, Sequence
from math import exp, pi
from pathlib import Path
from random import Random

from pydantic import JsonValue

from state.metrics_store import MetricsStore
from state.records import (
    Adjustment,
    BatteryReport,
    Decision,
    Finding,
    Genome,
    Ledger,
    LedgerLine,
    MemberRecord,
    PhaseName,
    ProbeScore,
    Role,
    Sample,
    StepMetrics,
    Synchrony,
)

PHASES: tuple[tuple[PhaseName, int], ...] = (
    ("abiogenesis", 2),
    ("primordial", 4),
    ("cambrian", 3),
    ("oxidation", 2),
    ("endosymbiosis", 3),
    ("homeostasis", 2),
)
STEPS = 12
"""Of a member in a generation."""
HOSTILE = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\'{{7*7}}&amp;'


def config(mode: str = "phases", budget: int = 4000) -> dict[str, JsonValue]:
    """As much of a configuration as the pages show."""
    return {
        "mode": mode,
        "budget": budget,
        "seed": 7,
        "data": {"paths": ["somewhere/corpus.txt"], "vocab_size": 1024},
        "model": {"layers": 4, "dim": 64, "heads": 4, "block": 128},
    }


def step_metrics(
    phase: PhaseName, generation: int, member_id: str, step: int, random: Random
) -> StepMetrics:
    """One step of one member, its loss falling with its age."""
    return StepMetrics(
        phase=phase,
        generation=generation,
        member_id=member_id,
        step=step,
        loss=2 + 4 * exp(-step / 120) + random.gauss(0, 0.05),
        learning_rate=3e-3,
        grad_norm=0.4 + 0.1 * random.random(),
        grad_norm_embedding=0.3,
        grad_norm_attention=0.1 + 0.02 * random.random(),
        grad_norm_feed_forward=0.2,
        clip_coef=0.9,
        clip_pct=10.0,
        skipped=False,
        tokens_per_sec=15_000 + random.gauss(0, 400),
        ms_per_step=9.0,
    )


def evolved(path: Path | str, run_id: str = "evolved", hostile: str = "") -> None:
    """Six phases of three lineages and a host. `hostile` stands wherever foreign text can."""
    random = Random(3)
    with MetricsStore.open(path, writer=True) as store, store.transaction():
        settings = config() | ({"data": {"paths": [hostile]}} if hostile else {})
        formula = hostile or "silu(x)"
        store.record_run(run_id, settings, formula, domain=hostile or "chat")
        generation = decisions = 0
        for phase, num_generations in PHASES:
            store.record_phase(run_id, phase, generation, {"population": 6})
            for _ in range(num_generations):
                members = list(_members(phase, generation, hostile, random))
                store.record_members(run_id, members)
                _record_steps(store, run_id, members, random)
                _record_generation(store, run_id, phase, generation, members)
                _decide(store, run_id, decisions, phase, generation, "continue", hostile)
                decisions += 1
                generation += 1
            _decide(store, run_id, decisions, phase, generation - 1, "pass", hostile)
            _end_phase(store, run_id, phase, generation - 1, hostile)
            _find(store, run_id, phase, generation - 1, hostile)
            decisions += 1
        store.record_ledger(run_id, _ledger(4000))
        store.record_event(run_id, 99, "finished", {"note": hostile})


def _members(
    phase: PhaseName, generation: int, hostile: str, random: Random
) -> Iterator[MemberRecord]:
    bits = 2.2 + 1.4 * exp(-generation / 6)
    if phase in ("endosymbiosis", "homeostasis"):
        yield made_member(phase, generation, "host", "host", 0, hostile or "silu(x)", bits)
        return
    lineages = 1 if phase == "abiogenesis" else 3
    for lineage in range(lineages):
        own = hostile or ("gelu(x)", "silu(x)", "relu(x)*relu(x)")[lineage]
        name = f"l{lineage}-champion"
        yield made_member(phase, generation, name, "champion", lineage, own, bits + lineage / 20)
    for number in range(0 if phase == "abiogenesis" else 3):
        gain = random.gauss(0, 0.01)
        yield made_member(
            *(phase, generation, f"l0-c{number:02d}", "challenger", 0),
            hostile or f"0.{number + 3}*silu(x) + 0.2*x",
            bits - gain,
        ).model_copy(
            update={
                "operator": hostile or ("tune", "compose", "migrate from lineage 1")[number],
                "parents": (hostile or "silu(x)",),
                "gain": gain,
                "gain_limit": 0.008,
                "status": "accepted" if number == 0 and generation == 3 else "trained",
            }
        )


def made_member(
    phase: PhaseName,
    generation: int,
    name: str,
    role: Role,
    lineage: int,
    formula: str,
    bits: float,
) -> MemberRecord:
    return MemberRecord(
        member_id=f"g{generation:05d}-{name}",
        phase=phase,
        generation=generation,
        lineage=lineage,
        role=role,
        genome=Genome(formula=formula),
        bits_per_byte=bits,
        train_loss=2 * bits,
        steps=STEPS,
        tokens=STEPS * 512,
        seconds=1.5,
        tokens_per_sec=15_000,
    )


def _record_steps(
    store: MetricsStore, run_id: str, members: Sequence[MemberRecord], random: Random
) -> None:
    store.record_steps(
        run_id,
        [
            step_metrics(one.phase, one.generation, one.member_id, step, random)
            for one in members
            for step in range(one.generation * STEPS + 1, (one.generation + 1) * STEPS + 1)
        ],
    )


def _record_generation(
    store: MetricsStore,
    run_id: str,
    phase: PhaseName,
    generation: int,
    members: Sequence[MemberRecord],
) -> None:
    best = min(one.bits_per_byte or 9.0 for one in members)
    summary: dict[str, JsonValue] = {
        "best_bits_per_byte": best,
        "diversity": 0.3 if len(members) > 1 else None,
        "population": len(members),
    }
    store.record_generation(run_id, phase, generation, summary)
    if len(members) > 1 and generation > 2:
        phases = (0.1 * generation, 0.1 * generation + 0.05, pi)
        store.record_synchrony(
            run_id,
            Synchrony(
                generation=generation,
                r=0.6,
                psi=0.4,
                phases=phases,
                null_quantile=0.94,
                locked=False,
            ),
        )


def _decide(
    store: MetricsStore,
    run_id: str,
    index: int,
    phase: PhaseName,
    generation: int,
    kind: str,
    hostile: str,
) -> None:
    decision = Decision.model_validate(
        {
            "phase": phase,
            "generation": generation,
            "kind": kind,
            "reason": hostile or "nothing calls for a change",
            "numbers": {hostile or "steps_left": 100.0},
        }
    )
    change = Adjustment(setting=hostile or "population", before=6, after=4)
    if kind == "pass":
        decision = decision.model_copy(update={"adjustments": (change,)})
    store.record_decision(run_id, index, decision)


def _end_phase(
    store: MetricsStore, run_id: str, phase: PhaseName, generation: int, hostile: str
) -> None:
    samples = tuple(
        Sample(
            prompt=hostile or f"How are you, number {number}?",
            temperature=temperature,
            text=hostile or f"I am well in {phase}.",
            ended=True,
        )
        for number in range(3)
        for temperature in (0.4, 1.0)
    )
    probes = (
        ProbeScore(name=hostile or "fluency", score=0.5),
        ProbeScore(name="ending", score=0.7),
    )
    store.record_battery(
        run_id,
        BatteryReport(
            phase=phase,
            generation=generation,
            composite=0.6,
            interval=(0.55, 0.66),
            probes=probes,
            samples=samples,
            tokens_per_sec=9000,
            beside={"bits_per_byte": 2.3},
        ),
    )
    store.record_event(run_id, generation, hostile or "gate", {"phase": phase, "note": hostile})


def _find(
    store: MetricsStore, run_id: str, phase: PhaseName, generation: int, hostile: str
) -> None:
    """The same thing in the last two generations of a phase."""
    found = Finding(
        detector=hostile or "collapse",
        severity=0.75,
        reason=hostile or "genomes are 0.08 apart, less than 0.10",
        value=0.08,
        limit=0.1,
        lineage=1,
    )
    for one in (generation - 1, generation):
        store.record_findings(run_id, phase, one, [found])


def _ledger(budget: int) -> Ledger:
    share = budget // len(PHASES)
    lines = tuple(LedgerLine(phase=name, allotted=share, settled=share) for name, _ in PHASES)
    return Ledger(budget=budget, lines=lines, tokens=10**6, training_flops=10**12)
