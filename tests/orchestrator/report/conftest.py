"""A final report built by hand."""

import pytest

from orchestrator.report.final_report import (
    Baseline,
    BudgetSummary,
    ControlScore,
    CostSummary,
    DataSummary,
    EnsembleSummary,
    Environment,
    FinalReport,
    GateSummary,
    ModelSummary,
    PhaseSummary,
    PopulationSummary,
    Score,
    SeenFinding,
    WallPart,
    WallSummary,
    Winner,
)
from state.records import (
    Adjustment,
    BatteryReport,
    Decision,
    Genome,
    MemberRecord,
    ProbeScore,
    Sample,
    Synchrony,
)


def battery() -> BatteryReport:
    return BatteryReport(
        phase="cambrian",
        generation=3,
        composite=0.712,
        probes=(
            ProbeScore(name="repetition", score=0.9),
            ProbeScore(name="lexical_validity", score=0.8),
            ProbeScore(name="ending", score=0.436),
        ),
        samples=tuple(
            Sample(prompt=f"<|user|> {i}?", temperature=0.8, text=f"Answer {i}.", ended=i % 2 == 0)
            for i in range(6)
        ),
        tokens_per_sec=12_345,
    )


def cambrian() -> PhaseSummary:
    return PhaseSummary(
        name="cambrian",
        steps=480,
        generations=3,
        bits_per_byte=2.1034,
        battery=0.712,
        gate=GateSummary(verdict="pass", reason="deficit 0.001 is not above 0.010"),
        first_generation=1,
        start_bits_per_byte=2.2034,
        lineages=(0, 1, 2),
        challengers=12,
        settings={"population": 7, "steps_per_candidate": 20, "mutation_rate": 0.5},
        decisions=(
            Decision(
                phase="cambrian",
                generation=2,
                kind="adapt",
                reason="collapse: mean distance fell",
                adjustments=(Adjustment(setting="mutation_rate", before=0.5, after=0.7),),
            ),
        ),
        findings=(
            SeenFinding(
                generation=2,
                detector="collapse",
                severity=0.3,
                reason="mean distance fell",
                value=0.1,
                limit=0.3,
            ),
        ),
    )


@pytest.fixture
def report() -> FinalReport:
    formula = "0.8*relu(x)*silu(x) + 0.2*x"
    return FinalReport(
        run_id="run-1",
        seed=7,
        command="symbio-auto --data data/historic.txt --budget 2000 --seed 7",
        data=DataSummary(path="data/historic.txt", sha256="ab" * 32, bytes=543_152),
        model=ModelSummary(size="tiny", parameters=229_888, backbone="gpt"),
        budget=BudgetSummary(requested=2000, spent=2000, by_phase={"cambrian": 2000}),
        phases=(
            cambrian(),
            PhaseSummary(name="oxidation", steps=0, generations=0, bits_per_byte=None),
        ),
        batteries=(battery(),),
        winner=Winner(
            formula=formula,
            gated=False,
            nodes=6,
            fingerprint="f00d",
            parents=("silu(x)",),
            lineage=1,
            operator="inject_gate",
            phase="cambrian",
            generation=2,
        ),
        test=Score(bits_per_byte=2.1, nats_per_token=3.21, tokens=18_000),
        search=Score(bits_per_byte=2.08, nats_per_token=3.18, tokens=18_100),
        untrained=Baseline(bits_per_byte=8.01),
        order2=Baseline(bits_per_byte=2.6),
        ensemble=EnsembleSummary(
            bits_per_byte=2.05,
            disagreement=0.12,
            distil_weight=0.5,
            best_member_bits_per_byte=2.09,
        ),
        synchrony=(
            Synchrony(
                generation=5, r=0.91, psi=0.1, phases=(0.1, 0.2), null_quantile=0.85, locked=True
            ),
        ),
        population=PopulationSummary(
            evaluated=40, known_redrawn=3, accepted=4, null_accepted=1, null_evaluated=30
        ),
        members=(
            MemberRecord(
                member_id="m1",
                phase="cambrian",
                generation=2,
                lineage=1,
                role="challenger",
                genome=Genome(formula=formula),
                operator="inject_gate",
                bits_per_byte=2.1,
                gain=0.0213,
                gain_limit=0.0101,
                status="accepted",
            ),
        ),
        control=(ControlScore(name="gelu", bits_per_byte=2.15),),
        environment=Environment(
            python="3.11.9",
            platform="linux x86_64",
            device="cpu",
            threads=2,
            engine="ray",
            packages={"torch": "2.13.0"},
        ),
        resumed_count=1,
        wall=WallSummary(
            training=WallPart(seconds=400, share=0.8),
            evaluation=WallPart(seconds=50, share=0.1),
            battery=WallPart(seconds=25, share=0.05),
            other=WallPart(seconds=25, share=0.05),
        ),
        cost=CostSummary(
            tokens=4_096_000, training_flops=5.6e12, evaluation_flops=512, device_seconds=3725
        ),
        test_openings=1,
        model_sha256="cd" * 32,
        resume_line="symbio-auto --resume runs/symbio-auto/state.json",
    )


@pytest.fixture
def phase(report: FinalReport) -> PhaseSummary:
    """Generations 10 to 19 of Cambrian, in which nothing happened yet."""
    return report.phases[0].model_copy(
        update={
            "first_generation": 10,
            "generations": 10,
            "decisions": (),
            "findings": (),
            "challengers": 0,
        }
    )
