"""The gates as a table or as JSON."""

from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.analysis.compare.table import one_line, wrapped
from orchestrator.validation.hold import holding
from orchestrator.validation_config import ValidationConfig
from state.validation import Verdict

INDENT = " " * 18


def as_json(
    run: str, verdicts: Sequence[Verdict], config: ValidationConfig
) -> dict[str, JsonValue]:
    """For programs: every verdict, and what was asked."""
    return {
        "run": run,
        "limits": config.limits,
        "strict": config.strict,
        "waived": list(config.waive),
        "stopped_by": [one.gate for one in holding(verdicts, config)],
        "verdicts": [one.model_dump(mode="json") for one in verdicts],
    }


def as_text(run: str, verdicts: Sequence[Verdict], config: ValidationConfig) -> str:
    """For people, in lines of at most 100 columns."""
    seed = verdicts[0].seed if verdicts else 0
    trained = next((one.checkpoint for one in reversed(verdicts) if one.checkpoint), None)
    model = f", checkpoint {trained}" if trained else ""
    lines = [f"{one_line(run)}: seed {seed}{model}, limits {config.limits}"]
    for one in verdicts:
        lines += _rows(one, waived=one.gate in config.waive)
    return "\n".join([*lines, *_end(verdicts, config)])


def _rows(one: Verdict, *, waived: bool) -> list[str]:
    counted = f"; {one.n:,} {one.unit}" if one.n else ""
    told = "; waived" if waived and one.verdict == "fail" else ""
    head = f"{one.gate:5} {one.verdict:11} "
    return wrapped(f"{one_line(one.reason)}{counted}{told}", INDENT, head)


def _end(verdicts: Sequence[Verdict], config: ValidationConfig) -> list[str]:
    """What follows from it."""
    failed = [one.gate for one in holding(verdicts, config)]
    if failed:
        return [f"stopped by {', '.join(failed)}: mend it, or waive it with --waive {failed[0]}"]
    bad = [one.gate for one in verdicts if one.verdict == "fail"]
    open_ones = [one.gate for one in verdicts if one.verdict == "not judged"]
    lines = [f"not judged: {', '.join(open_ones)}"] if open_ones else []
    if not bad:
        return [*lines, "no gate has failed"]
    waived = [name for name in bad if name in config.waive]
    lines += [f"failed: {', '.join(bad)}"]
    return [*lines, f"waived: {', '.join(waived)}"] if waived else lines
