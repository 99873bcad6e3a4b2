"""The first lines of the report: the result, and everything that it must be compared with."""

from orchestrator.report.escape import code, inline, table
from orchestrator.report.final_report import ControlScore, FinalReport
from orchestrator.report.quantities import bpb, count, signed, times

SAME_BPB = 5e-5
"""Differences below this vanish in four decimals."""


def headline(report: FinalReport) -> str:
    """Result, table of references, and a verdict on each in words."""
    score = report.test
    result = (
        f"**{bpb(score.bits_per_byte)} bits per byte on the test split** "
        f"({score.nats_per_token:.4f} nats per token over {count(score.tokens)} tokens; "
        f"opened {times(report.test_openings)})."
    )
    return "\n\n".join([result, _references(report), _verdict(report)])


def _references(report: FinalReport) -> str:
    ours = report.test.bits_per_byte
    rows = [
        ("**this run**", ours),
        *((f"control {code(control.name)}", control.bits_per_byte) for control in report.control),
        ("order-2 byte model", report.order2.bits_per_byte),
        ("untrained model", report.untrained.bits_per_byte),
    ]
    return table(
        ["model", "test bits per byte", "above this run"],
        [[name, bpb(value), signed(value - ours)] for name, value in rows],
    )


def _verdict(report: FinalReport) -> str:
    ours, order2 = report.test.bits_per_byte, report.order2.bits_per_byte
    lines = [_against_control(report), against_order2(ours, order2)]
    if report.test_openings > 1:
        lines.append(
            f"The test split was read {report.test_openings} times, so its figure is no longer a "
            "clean one."
        )
    return " ".join(lines)


def _against_control(report: FinalReport) -> str:
    if not report.control:
        return (
            "No control was trained: whether the search was worth its steps is not known "
            "(`--control gelu` trains one)."
        )
    ranked = sorted(report.control, key=lambda control: control.bits_per_byte)
    lines = [_comparison(report, control) + _shorter(report, control) for control in ranked]
    return f"{' '.join(lines)} One run with one seed cannot rule out chance."


def _comparison(report: FinalReport, control: ControlScore) -> str:
    name, lead = inline(control.name), control.bits_per_byte - report.test.bits_per_byte
    if abs(lead) < SAME_BPB:
        return f"**The control {name} did as well as this run**: the search brought nothing."
    if control.interval is not None and control.interval[0] <= 0 <= control.interval[1]:
        side = "below" if lead > 0 else "above"
        return (
            f"**Not shown that this run and the control {name} differ**: the run lies "
            f"{bpb(abs(lead))} bits per byte {side} it{_interval(control)}."
        )
    if lead < 0:
        return (
            f"**The control {name} wins** by {bpb(-lead)} bits per byte{_interval(control)}: on "
            "this text the plain activation with the same budget did better than the search."
        )
    return f"This run beats the control {name} by {bpb(lead)} bits per byte{_interval(control)}."


def _shorter(report: FinalReport, control: ControlScore) -> str:
    """Where the control did not train on the whole budget."""
    if control.ended_after is None:
        return ""
    return (
        f" **{inline(control.name)} diverged twice and ended after {control.ended_after:,} of "
        f"{report.budget.requested:,} steps**: it is no baseline of the same budget."
    )


def _interval(control: ControlScore) -> str:
    """Of the run's lead; nothing where it is not known."""
    if control.interval is None:
        return ""
    low, high = control.interval
    where = "95 % interval of the run's lead over stretches of this text"
    return f" ({where}: {signed(low)} to {signed(high)})"


def against_order2(ours: float, order2: float) -> str:
    """Whether the model has learnt more than pairs of bytes, in a sentence; in bits per byte."""
    lead = order2 - ours
    if lead > 0:
        return f"It beats the order-2 byte model by {bpb(lead)}."
    return (
        "**It does not beat the order-2 byte model**: it has learnt no more than which letters "
        "follow each other; give it a larger budget or more text."
    )
