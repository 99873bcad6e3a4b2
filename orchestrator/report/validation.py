"""The validation gates in the report of a run."""

from collections.abc import Sequence

from orchestrator.commits import Saved
from orchestrator.report.escape import inline, table
from orchestrator.report.illustrations import Section
from state.base import Record
from state.validation import GateName, Verdict

PLACES = {
    "build": "before the first step",
    "training": "after the first steps",
    "merger": "before Endosymbiosis",
    "end": "before the test split",
}


class ValidationSummary(Record):
    """What the gates said, and what was decided about it beforehand or in between."""

    verdicts: tuple[Verdict, ...]
    strict: bool = False
    """Every failure stops the run."""
    waived: tuple[GateName, ...] = ()
    """Gates whose failure stops nothing."""


def validation_of(saved: Saved) -> ValidationSummary | None:
    """None where the run asked no gate."""
    asked = saved.config.validation
    if asked is None:
        return None
    verdicts = saved.run.validation.verdicts
    return ValidationSummary(verdicts=verdicts, strict=asked.strict, waived=asked.waive)


def validation_section(summary: ValidationSummary | None) -> tuple[Section, ...]:
    """A section where there is something to tell."""
    if summary is None or not (summary.verdicts or summary.waived):
        return ()
    return (Section("gates", "Validation gates", validation_text(summary)),)


def validation_text(summary: ValidationSummary) -> str:
    """A row a verdict, and what stops nothing."""
    header = ["gate", "asked", "verdict", "measured", "of", "seed", "checkpoint"]
    parts = [table(header, (_row(one, summary.waived) for one in summary.verdicts))]
    if summary.waived:
        parts.append(f"**Waived:** {', '.join(summary.waived)}. A failure there stops nothing.")
    if summary.strict:
        parts.append("Every failure stops the run (`--strict-gates`).")
    return "\n\n".join(parts)


def _row(one: Verdict, waived: Sequence[GateName]) -> list[str]:
    verdict = f"**{one.verdict}**" if one.verdict == "fail" else one.verdict
    told = ", waived" if one.gate in waived and one.verdict == "fail" else ""
    return [
        one.gate,
        PLACES.get(one.place, one.place),
        f"{verdict}{told}",
        inline(one.reason),
        f"{one.n:,} {one.unit}" if one.n else "-",
        str(one.seed),
        one.checkpoint or "untrained",
    ]
