"""What the gate after a phase said, in words."""

from collections.abc import Sequence
from typing import assert_never

from orchestrator.report.escape import inline
from orchestrator.report.final_report import GateDeficit, GateSummary, PhaseSummary
from orchestrator.report.incidents import copy_of
from orchestrator.report.wording import changes, percent

SAME_SHARE = 5e-5
"""Differences below this vanish in a percentage with two decimals."""


def verdict(gate: GateSummary, before: Sequence[PhaseSummary]) -> list[str]:
    """What the gate said, what followed, and what else its reason holds."""
    numbers, *others = gate.reason.split("; ")
    others = [inline(one) for one in others]
    compared = inline(numbers) if gate.deficit is None else _compared(gate.deficit)
    if gate.composite is not None:
        others = [_written(gate.composite), *others[1:]]
    match gate.verdict:
        case "pass":
            return [f"the gate let it pass: {compared}", *others]
        case "retry":
            changed = changes(gate.adjustments)
            again = "the phase was begun again from the lineages as it had found them"
            return [
                f"the gate sent it back: {compared}",
                *others,
                f"{again}; {changed}" if changed else again,
            ]
        case "revert":
            return [
                f"the gate turned it down: {compared}",
                *others,
                f"the run went back to {copy_of(before)}",
            ]
        case "not judged":
            return [f"no gate judged it: {compared}", *others]
        case _:
            assert_never(gate.verdict)


def _compared(deficit: GateDeficit) -> str:
    """The interval in words."""
    if max(abs(deficit.low), abs(deficit.high)) < SAME_SHARE:
        return "as good as the best before it"
    text = (
        f"{_side(deficit.mean)} than the best before it "
        f"({100 * deficit.level:g} % interval: {_span(deficit.low, deficit.high)})"
    )
    if deficit.low > deficit.slack:
        return f"{text}, so by more than the {percent(deficit.slack)} that are allowed"
    if deficit.mean > 0:
        return f"{text}, so not shown to be worse by more than the {percent(deficit.slack)} allowed"
    return text


def _side(share: float) -> str:
    return f"{percent(share)} {'worse' if share > 0 else 'better'}"


def _span(low: float, high: float) -> str:
    if low > 0 or high <= 0:
        near, far = sorted((low, high), key=abs)
        return f"{percent(near)} to {_side(far)}"
    return f"{_side(low)} to {_side(high)}"


def _written(deficit: GateDeficit) -> str:
    """The battery's side of the comparison, in words."""
    if deficit.low == deficit.high == 0:
        return "it writes as before"
    text = (
        f"its composite is {abs(deficit.mean):.3f} {'lower' if deficit.mean > 0 else 'higher'} "
        f"({100 * deficit.level:g} % interval: {-deficit.high:+.3f} to {-deficit.low:+.3f})"
    )
    if deficit.low > deficit.slack:
        return f"{text}, so by more than the {deficit.slack:.3f} that are allowed"
    return text
