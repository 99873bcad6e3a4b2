"""Which verdicts stop a run, and saying so."""

from collections.abc import Iterable

from orchestrator.validation_config import ValidationConfig
from state.validation import Verdict


class GateFailedError(RuntimeError):
    """A validation gate stopped the run."""


def holding(verdicts: Iterable[Verdict], config: ValidationConfig | None) -> tuple[Verdict, ...]:
    """The failures with which the run does not go on: what no run survives, or all where that was
    asked for, less what was waived.
    """
    if config is None:
        return ()
    return tuple(
        one
        for one in verdicts
        if one.verdict == "fail" and (one.stops or config.strict) and one.gate not in config.waive
    )


def require_passed(verdicts: Iterable[Verdict], config: ValidationConfig | None) -> None:
    """Refuse to go on.

    Raises:
        GateFailedError: a verdict stops the run and was not waived.
    """
    failed = holding(verdicts, config)
    if failed:
        waivers = " ".join(f"--waive {name}" for name in dict.fromkeys(one.gate for one in failed))
        told = "; ".join(f"{one.gate} failed: {one.reason}" for one in failed)
        raise GateFailedError(
            f"validation gate {told}; mend it and start again, or resume with {waivers}"
        )
