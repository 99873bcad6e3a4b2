"""Records of a run in its third phase."""

from collections.abc import Callable

import pytest

from dashboard.terminal.history import Point
from dashboard.terminal.snapshot import RunView
from state.records import (
    Adjustment,
    BatteryReport,
    Decision,
    Finding,
    Genome,
    Ledger,
    LedgerLine,
    MemberRecord,
    ProbeScore,
    Sample,
    Synchrony,
)
from state.store_rows import RunSummary, StoredEvent, StoredFinding, StoredSample


def member(index: int) -> MemberRecord:
    return MemberRecord(
        member_id=f"g00012-l{index % 3}-c{index}",
        phase="cambrian",
        generation=12,
        lineage=index % 3,
        role="challenger",
        genome=Genome(formula=f"0.{index + 1}*relu(x)*silu(x) + 0.2*x"),
        parents=("silu(x)",),
        operator="inject_gate",
        bits_per_byte=2.1 + index / 100,
        gain=0.02 - index / 100,
        gain_limit=0.015,
        tokens_per_sec=12_345,
        status="accepted" if index == 0 else "trained",
    )


def spoken(prompt: str, text: str, temperature: float) -> StoredSample:
    sample = Sample(prompt=prompt, temperature=temperature, text=text, ended=True)
    return StoredSample(phase="primordial", generation=9, step=300, sample=sample)


def course(*bits: float) -> tuple[Point, ...]:
    """Two generations of the second phase, the others of the third."""
    phases = ("primordial", "primordial", *("cambrian" for _ in bits))
    return tuple(
        Point(phases[i], 9 + i, train_loss=bits[i] + 1, bits_per_byte=bits[i], distance=0.25)
        for i in range(len(bits))
    )


def battery() -> BatteryReport:
    return BatteryReport(
        phase="primordial",
        generation=9,
        composite=0.61,
        probes=(ProbeScore(name="repetition", score=0.9), ProbeScore(name="ending", score=0.3)),
        samples=(),
        tokens_per_sec=900,
    )


@pytest.fixture
def view() -> RunView:
    passed = {"abiogenesis": "pass", "primordial": "retry"}
    return RunView(
        run=RunSummary(
            run_id="run-7",
            domain="chat",
            ffn_activation="gelu",
            status="active",
            config={},
            phase="cambrian",
            generation=12,
            step=340,
            best_bits_per_byte=2.1,
            num_decisions=3,
            created_at=None,
            updated_at=None,
        ),
        ledger=Ledger(
            budget=5000, lines=(LedgerLine(phase="cambrian", allotted=5000, settled=1250),)
        ),
        members=tuple(member(i) for i in range(12)),
        decisions=(
            *(
                Decision.model_validate(
                    {"phase": phase, "generation": 1, "kind": kind, "reason": "measured"}
                )
                for phase, kind in passed.items()
            ),
            Decision(
                phase="cambrian",
                generation=11,
                kind="adapt",
                reason="collapse: 2 distinct among 10",
                adjustments=(Adjustment(setting="mutation_rate", before=0.5, after=0.7),),
            ),
        ),
        synchrony=(
            Synchrony(
                generation=11,
                r=0.62,
                psi=0.2,
                phases=(-1.3, 0.2, 1.7),
                null_quantile=0.85,
                locked=False,
            ),
            Synchrony(
                generation=12,
                r=0.91,
                psi=0.2,
                phases=(0.1, 0.2, 0.4),
                null_quantile=0.85,
                locked=True,
            ),
        ),
        lineages={3: (0, 1, 2)},
        battery=battery(),
        samples=(spoken("<|user|> Who?", "The old man.", 0.8),),
        findings=(
            StoredFinding(
                phase="cambrian",
                generation=11,
                finding=Finding(
                    detector="collapse", severity=0.3, reason="2 distinct", value=2, limit=3
                ),
            ),
        ),
        events=tuple(StoredEvent(index=i, kind="note", data={"number": i}) for i in range(30)),
        course=course(2.6, 2.4, 2.2, 2.1),
    )


@pytest.fixture
def make_member() -> Callable[[int], MemberRecord]:
    return member
