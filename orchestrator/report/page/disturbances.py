"""What did not go as planned, as a list in the reports' markdown."""

from collections import Counter
from collections.abc import Iterator

from orchestrator.report.escape import inline
from orchestrator.report.page.evidence import Evidence
from orchestrator.report.page.train_plots import alarms
from orchestrator.report.quantities import times
from orchestrator.report.wording import (
    collapse,
    counted,
    detector,
    generations,
    lateness,
    sentence,
)

TOLD = {
    "warning": "message",
    "journal_cut": "message",
    "store_rebuilt": "message",
    "extended": "how",
    "forked": "",
    "listener_left_behind": "",
}
"""Kinds of events that belong here, and the fact that says it."""
NOTHING = "Nothing: no finding, no alarm, no skipped step, no interruption, no second attempt."


def disturbances(seen: Evidence) -> str:
    """A line a kind, those that changed the run first."""
    told = [*_gates(seen), *_findings(seen), *_alarms(seen), *_members(seen), *_process(seen)]
    return "\n".join(f"- {sentence(one)}" for one in told) or NOTHING


def _gates(seen: Evidence) -> Iterator[str]:
    for phase in seen.phases:
        if phase.gate is not None and phase.gate.verdict in ("retry", "revert"):
            what = "was sent back" if phase.gate.verdict == "retry" else "was undone"
            yield f"{phase.name.capitalize()} {what} by its gate: {inline(phase.gate.reason)}"


def _findings(seen: Evidence) -> Iterator[str]:
    found: dict[tuple[str, str], list[int]] = {}
    for one in seen.findings:
        found.setdefault((one.phase, one.finding.detector), []).append(one.generation)
    for (phase, name), numbers in found.items():
        yield f"{detector(name)} was found in {phase.capitalize()}, {generations(numbers)}"


def _alarms(seen: Evidence) -> Iterator[str]:
    for signal, steps in alarms(seen):
        first = f"{'first ' if len(steps) > 1 else ''}at step {steps[0]:,.0f}"
        yield f"the chart of {signal} alarmed {times(len(steps))}, {first}"


def _members(seen: Evidence) -> Iterator[str]:
    skipped = sum(one.skipped_steps for one in seen.members)
    if skipped:
        yield (
            f"{counted(skipped, 'step')} changed nothing: loss or gradient was not finite, or "
            "jumped too far"
        )
    outcomes: Counter[str] = Counter(one.status for one in seen.members)
    for status, words in _OUTCOMES.items():
        if outcomes[status]:
            yield f"{counted(outcomes[status], 'member')} {words}"


_OUTCOMES = {
    "failed": "failed: the worker died or the task ended with an error",
    "quarantined": "left the numbers that can be trained with, and was dropped",
    "halved": "stopped half way, behind others of the lineage",
}


def _process(seen: Evidence) -> Iterator[str]:
    run, telemetry = seen.saved.run, seen.saved.telemetry
    if run.resumed_count:
        yield f"the run was interrupted and resumed {times(run.resumed_count)}"
    yield from map(lateness, telemetry.watchdog.late)
    yield from map(collapse, telemetry.throughput.collapses)
    for event in seen.events:
        if event.kind in TOLD:
            said = event.data.get(TOLD[event.kind])
            yield inline(event.kind.replace("_", " ")) + (f": {inline(str(said))}" if said else "")
