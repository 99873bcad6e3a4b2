"""A run that has something in every table."""

from state.metrics_store import MetricsStore
from state.records import (
    BatteryReport,
    Decision,
    Finding,
    Ledger,
    LedgerLine,
    MemberRecord,
    ProbeScore,
    Sample,
    StepMetrics,
    Synchrony,
)
from tests.builders import GELU

HOSTILE = "<script>alert('x')</script>'; DROP TABLE runs; --"


def make_steps(count: int, generation: int = 1, member_id: str = "a") -> list[StepMetrics]:
    """Consecutive steps whose loss is 1 / step."""
    return [
        StepMetrics(
            phase="cambrian",
            generation=generation,
            member_id=member_id,
            step=step,
            loss=1 / step,
            learning_rate=3e-3,
            grad_norm=None,
            clip_coef=0.75,
            clip_pct=25.0,
            skipped=step == 4,
            tokens_per_sec=1000.0,
            ms_per_step=10.5,
            cusum_alerts=int(step in {3, 4}),
            adaptive_batch_size=8 if step < 5 else 12,
            batch_change_reason="cusum_clip_onset" if step == 4 else None,
        )
        for step in range(1, count + 1)
    ]


def fill(store: MetricsStore, run_id: str, num_steps: int = 10) -> None:
    """Record a run as the controller does."""
    with store.transaction():
        store.record_run(run_id, {"budget": 100}, "swiglu(x)", "chat", {"symbio_mode": "search"})
        store.record_steps(run_id, make_steps(num_steps))
        store.record_phase(run_id, "cambrian", 1, {"population": 4})
        member = MemberRecord(
            member_id="a",
            phase="cambrian",
            generation=1,
            lineage=0,
            role="champion",
            genome=GELU,
            parents=("x",),
            gain=0.5,
            seconds=2.0,
        )
        store.record_members(run_id, [member], {GELU.formula: "print"})
        store.record_generation(run_id, "cambrian", 1, {"best_bits_per_byte": 2.5, "note": "é"})
        finding = Finding(detector="d", severity=0.5, reason=HOSTILE, value=1, limit=2)
        store.record_findings(run_id, "cambrian", 1, [finding])
        _decide(store, run_id)
        sample = Sample(prompt=HOSTILE, temperature=0.5, text=HOSTILE, ended=True)
        store.record_battery(
            run_id,
            BatteryReport(
                phase="cambrian",
                generation=1,
                composite=0.5,
                probes=(ProbeScore(name="p", score=0.25),),
                samples=(sample,),
                tokens_per_sec=5.0,
            ),
        )
        store.record_ledger(
            run_id,
            Ledger(budget=100, lines=(LedgerLine(phase="cambrian", allotted=50, settled=25),)),
        )


def _decide(store: MetricsStore, run_id: str) -> None:
    decision = Decision(
        phase="cambrian", generation=1, kind="advance", reason="done", numbers={"a": 1.5}
    )
    store.record_decision(run_id, 0, decision)
    store.record_event(run_id, 0, "phase_started", {"generation": 1, "text": HOSTILE})
    store.record_synchrony(
        run_id,
        Synchrony(generation=1, r=0.5, psi=1, phases=(0.5, 1.5), null_quantile=0.9, locked=False),
    )
