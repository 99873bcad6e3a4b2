"""What people are told: one function for each kind of message. Texts of models are foreign."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from dashboard.reporter.notify.channel import Message
from dashboard.terminal.figures import printable
from state.pasted import pasted
from state.records import Decision
from state.store_rows import RunSummary, StoredFinding, StoredSample

Row = Mapping[str, JsonValue]

MOST_CHARACTERS = 280
"""Of one foreign text."""
MOST_SAMPLES = 3
MOST_FINDINGS = 5


def started(name: str, row: Row, run: RunSummary | None) -> Message:
    """A run begins, or goes on."""
    if row.get("kind") == "resumed":
        body = f"goes on with generation {_shown(row.get('generation'))}"
        return Message(f"{name} resumed", body, must_come=True)
    facts = [f"{_shown(row.get('budget'))} steps"]
    if run is not None:
        facts += [
            f"on {foreign(run.domain or 'text')}",
            f"beginning with {foreign(run.ffn_activation or 'gelu(x)')}",
        ]
    return Message(f"{name} started", " ".join(facts), must_come=True)


def gate(name: str, row: Row, samples: Sequence[StoredSample]) -> Message:
    """A phase was judged."""
    verdict = (
        f"{_shown(row.get('phase'))}: {_shown(row.get('verdict'))} at "
        f"{_bits(row.get('bits_per_byte'))} with {foreign(str(row.get('formula')))}\n"
        f"{_shown(row.get('reason'))}"
    )
    return Message(f"{name} gate", "\n".join([verdict, *map(_sample, samples[:1])]))


def sampled(name: str, samples: Sequence[StoredSample]) -> Message:
    """What the model writes by now."""
    shown = "\n".join(map(_sample, samples[:MOST_SAMPLES]))
    return Message(f"{name} step {samples[0].step}", shown)


def watchdog(name: str, findings: Sequence[StoredFinding]) -> Message:
    """What the detectors found in a generation."""
    lines = [_finding(one) for one in findings[:MOST_FINDINGS]]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"and {len(findings) - MOST_FINDINGS} more")
    return Message(f"{name} watchdog", "\n".join(lines))


def slow(name: str, line: str) -> Message:
    """What the clock says; `line` is the event in words."""
    return Message(f"{name} watchdog", foreign(line))


def regressed(name: str, decision: Decision, findings: Sequence[StoredFinding]) -> Message:
    """The run became worse, and what is done about it."""
    line = (
        f"{decision.phase}, generation {decision.generation}: {decision.kind}, "
        f"{foreign(decision.reason)}"
    )
    return Message(f"{name} regression", "\n".join([line, *map(_finding, findings)]))


def stopped(name: str, summary: Row, state: Path) -> Message:
    """The run was left in order."""
    return Message(f"{name} stopped", f"{_standing(summary)}\n{_resume(state)}", must_come=True)


def died(name: str, summary: Row, state: Path) -> Message:
    """The run's process is gone and said nothing."""
    body = f"its process was killed; {_standing(summary)}\n{_resume(state)}"
    return Message(f"{name} died", body, must_come=True)


def finished(name: str, row: Row, report: Path) -> Message:
    """The run came to its end."""
    split = "test" if "test_bits_per_byte" in row else "search"
    body = (
        f"{_bits(row.get(f'{split}_bits_per_byte'))} on the {split} split with "
        f"{foreign(str(row.get('formula')))}\nreport {report}"
    )
    return Message(f"{name} finished", body, must_come=True)


def foreign(text: str) -> str:
    """On one line, not long, without control characters, and nobody is called by an @ in it."""
    line = " ".join(printable(text[: 8 * MOST_CHARACTERS]).split())
    if len(line) > MOST_CHARACTERS:
        line = f"{line[: MOST_CHARACTERS - 1]}…"
    return line.replace("@", "@\u200b")


def _sample(one: StoredSample) -> str:
    sample = one.sample
    return f"> {foreign(sample.prompt)}\n{foreign(sample.text)}"


def _finding(one: StoredFinding) -> str:
    found = one.finding
    place = f"{one.phase}, generation {one.generation}"
    return f"{place}: {found.detector}, {foreign(found.reason)}"


def _standing(summary: Row) -> str:
    phase, generation = _shown(summary.get("phase")), _shown(summary.get("generation"))
    spent, budget = _shown(summary.get("spent")), _shown(summary.get("budget"))
    best = summary.get("best_bits_per_byte")
    told = f", best {_bits(best)}" if best is not None else ""
    return f"{phase}, generation {generation}, {spent} of {budget} steps{told}"


def _resume(state: Path) -> str:
    return f"resume with: symbio-auto --resume {pasted(state)}"


def _bits(value: JsonValue) -> str:
    return f"{value:.4f} bits per byte" if isinstance(value, int | float) else "- bits per byte"


def _shown(value: JsonValue) -> str:
    return "-" if value is None else foreign(str(value))
