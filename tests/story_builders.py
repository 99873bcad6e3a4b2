"""Phases, decisions and findings for the story of a report."""

from orchestrator.report.final_report import (
    FinalReport,
    GateDeficit,
    GateSummary,
    PhaseSummary,
    SeenFinding,
)
from orchestrator.report.story import story
from state.records import Adjustment, Decision, MemberRecord

PASS = GateSummary(verdict="pass", reason="better")
DEFICIT = GateDeficit(mean=0.03, low=0.02, high=0.04, level=0.95, slack=0.005)
RETRY = GateSummary(
    verdict="retry",
    reason="+3.00% bits per byte; no genome was accepted",
    deficit=DEFICIT,
    adjustments=(Adjustment(setting="lr_scale", before=1.0, after=0.5),),
)


def decision(generation: int, kind: str, reason: str, *changes: Adjustment) -> Decision:
    return Decision.model_validate(
        {
            "phase": "cambrian",
            "generation": generation,
            "kind": kind,
            "reason": reason,
            "adjustments": changes,
        }
    )


def finding(generation: int, detector: str = "stagnation", reason: str = "no gain") -> SeenFinding:
    return SeenFinding(
        generation=generation, detector=detector, severity=0.2, reason=reason, value=0, limit=1
    )


def told(report: FinalReport, *phases: PhaseSummary, **fields: object) -> str:
    return story(report.model_copy(update={"phases": phases, **fields}))


def changed(phase: PhaseSummary, **fields: object) -> PhaseSummary:
    return phase.model_copy(update=fields)


def accepted(report: FinalReport, count: int) -> tuple[MemberRecord, ...]:
    one = report.members[0]
    return tuple(
        one.model_copy(update={"generation": 10 + n, "gain": 0.01 * (1 + n)}) for n in range(count)
    )


def primordial(phase: PhaseSummary, bits: float, first: int, gate: GateSummary) -> PhaseSummary:
    fields = {"name": "primordial", "bits_per_byte": bits, "first_generation": first}
    return changed(phase, generations=5, gate=gate, **fields)
