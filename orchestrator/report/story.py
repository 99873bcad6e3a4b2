"""The decisions of a run, told in the order in which they were taken."""

from collections.abc import Sequence
from itertools import groupby

from orchestrator.report.escape import code, inline
from orchestrator.report.final_report import FinalReport, PhaseSummary
from state.records import Decision, Finding

MAX_LINES_A_PHASE = 12


def story(report: FinalReport) -> str:
    """A paragraph a phase: what was found, what was decided and why."""
    return "\n\n".join(_chapter(phase) for phase in report.phases)


def _chapter(phase: PhaseSummary) -> str:
    lines = [_run_of(list(run)) for _, run in groupby(phase.decisions, key=_same_decision)]
    if len(lines) > MAX_LINES_A_PHASE:
        left_out = len(lines) - MAX_LINES_A_PHASE
        lines = [*lines[: MAX_LINES_A_PHASE - 1], f"... {left_out + 1} more in final-report.json."]
    seen = _findings(phase.findings)
    notes = [text for text in (inline(phase.note), seen) if text]
    body = [*notes, *lines] or ["Nothing had to be decided."]
    return "\n".join([f"**{phase.name.capitalize()}**", "", *(f"- {line}" for line in body)])


def _same_decision(decision: Decision) -> str | Decision:
    return decision.reason if decision.kind == "continue" else decision


def _run_of(decisions: Sequence[Decision]) -> str:
    first, last = decisions[0], decisions[-1]
    where = f"Generation {first.generation}"
    if last.generation != first.generation:
        where = f"Generations {first.generation} to {last.generation}"
    changes = "; ".join(
        f"{code(change.setting)} {change.before:g} to {change.after:g}"
        for change in first.adjustments
    )
    tail = f" ({changes})" if changes else ""
    return f"{where}: **{first.kind}**, {inline(first.reason)}{tail}"


def _findings(findings: Sequence[Finding]) -> str:
    names = dict.fromkeys(finding.detector for finding in findings)
    counts = ((name, sum(f.detector == name for f in findings)) for name in names)
    told = ", ".join(
        inline(name.replace("_", " ")) + (f" ({n} times)" if n > 1 else "") for name, n in counts
    )
    return f"The detectors saw: {told}." if told else ""
