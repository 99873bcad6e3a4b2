"""`report.md` of `train`: a short story. A pure function of the record."""

from collections.abc import Collection

from orchestrator.report.escape import block, code, inline, table
from orchestrator.report.final_report import Score
from orchestrator.report.headline import against_order2
from orchestrator.report.illustrations import Section
from orchestrator.report.markdown import cost, document, reproduction
from orchestrator.report.quantities import bpb, count, seconds, signed, times
from orchestrator.report.train_report import Measured, Spoken, TrainReport
from orchestrator.report.validation import validation_section
from orchestrator.report.wording import collapse, lateness, sentence
from state.records import Decision

MAX_ROWS = 12


def markdown(report: TrainReport, figures: Collection[str] = ()) -> str:
    """The whole document; text from outside is escaped. `figures` are those that were drawn."""
    return document(sections(report), figures)


def sections(report: TrainReport) -> tuple[Section, ...]:
    """Its parts in order; the first title is the document's."""
    return (
        Section("result", f"Run {inline(report.run_id)}", headline(report)),
        Section("activation", "The model", _model(report)),
        Section("course", "How it went", _course(report)),
        *validation_section(report.validation),
        Section("seen", "What was seen", _story(report)),
        Section("writing", "What the model writes", _sample(report)),
        Section("cost", "Cost", cost(report)),
        Section("reproduce", "How to reproduce", reproduction(report)),
    )


def headline(report: TrainReport) -> str:
    """The result, and what it must be compared with."""
    split, score = ("test", report.test) if report.test else ("search", report.search)
    opened = f"; opened {times(report.test_openings)}" if report.test else ""
    result = (
        f"**{bpb(score.bits_per_byte)} bits per byte on the {split} split** "
        f"({score.nats_per_token:.4f} nats per token over {count(score.tokens)} tokens{opened}), "
        f"with {code(report.activation)} after {report.best_step:,} of {report.steps:,} steps."
    )
    verdict = against_order2(score.bits_per_byte, report.order2.bits_per_byte)
    return f"{result}\n\n{_references(report, split, score)}\n\n{verdict}"


def _references(report: TrainReport, split: str, score: Score) -> str:
    rows = [
        ("**this model**", score.bits_per_byte),
        ("order-2 byte model", report.order2.bits_per_byte),
        ("untrained model", report.untrained.bits_per_byte),
    ]
    return table(
        ["model", f"{split} bits per byte", "above this model"],
        [[name, bpb(value), signed(value - score.bits_per_byte)] for name, value in rows],
    )


def _model(report: TrainReport) -> str:
    known = report.activation_name in report.activation
    name = "" if known else f" ({inline(report.activation_name)})"
    return (
        f"{code(report.activation)}{name}, {report.parameters:,} parameters, "
        f"size {inline(report.model.size)}."
    )


def _course(report: TrainReport) -> str:
    stride = max(1, -(-len(report.course) // MAX_ROWS))
    shown = report.course[::-1][::stride][::-1]
    header = ["step", "training loss", "search bits per byte"]
    others = report.challenger_steps
    lent = f" ({others:,} of them lent to challengers)" if others else ""
    taken = f"{report.steps:,} steps{lent}, {count(report.tokens)} tokens"
    skipped = f"{report.skipped_steps:,} steps were skipped"
    speed = f"{count(report.tokens_per_sec)} tokens/s" if report.tokens_per_sec else "no time"
    return (
        f"{table(header, map(_row, shown))}\n\n{_best_and_last(report)}\n\n"
        f"{taken} in {seconds(report.seconds)}, {speed} while training; {skipped}."
    )


def _row(one: Measured) -> list[str]:
    loss = "-" if one.train_loss is None else f"{one.train_loss:.4f}"
    return [f"{one.step:,}", loss, bpb(one.bits_per_byte)]


def _best_and_last(report: TrainReport) -> str:
    best = f"The best checkpoint, step {report.best_step:,}, has {bpb(report.search.bits_per_byte)}"
    if report.last is None:
        return f"{best} on the search split."
    return f"{best} on the search split, the last one {bpb(report.last.bits_per_byte)}."


def _story(report: TrainReport) -> str:
    lines = [f"- {_decided(decision)}" for decision in report.decisions]
    names = dict.fromkeys(finding.detector for finding in report.findings)
    found = ", ".join(inline(name.replace("_", " ")) for name in names)
    lines += [f"- The detectors saw, and left to you: {found}."] if found else []
    slow = [*map(lateness, report.slowness.late_phases), *map(collapse, report.slowness.collapses)]
    lines += [f"- {sentence(one)}" for one in slow]
    return "\n".join(lines) or "Nothing that a detector knows."


def _decided(decision: Decision) -> str:
    changes = "; ".join(
        f"{code(one.setting)} {one.before:g} to {one.after:g}" for one in decision.adjustments
    )
    return f"**{decision.kind}**, {inline(decision.reason)}" + (f" ({changes})" if changes else "")


def _sample(report: TrainReport) -> str:
    if not report.samples:
        return "No sample was asked for."
    return _spoken(report.samples[-1])


def _spoken(spoken: Spoken) -> str:
    sample = spoken.sample
    title = f"At step {spoken.step:,}, temperature {sample.temperature:g}, after"
    return f"{title} {code(sample.prompt)}:\n\n{block(sample.text)}"
