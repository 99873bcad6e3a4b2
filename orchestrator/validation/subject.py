"""Of which model a verdict is, and putting one together."""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.validation.bands import worst
from state.validation import GateName, GatePlace, Judgement, Measure, Verdict

DIGITS = 12
"""Of a sha256: enough to name a checkpoint. As a whole it would keep the weights on disk."""


class Subject(NamedTuple):
    """A model at a place in its life."""

    place: GatePlace
    seed: int
    checkpoint: str | None = None
    """sha256 of its weights; None: untrained."""

    def verdict(
        self,
        gate: GateName,
        measures: Sequence[Measure],
        *,
        n: int,
        unit: str,
        stops: bool = False,
    ) -> Verdict:
        """The worst of the measures, told by what is amiss; a failure with `stops` ends a run."""
        judged = worst([one.verdict for one in measures])
        amiss = [one for one in measures if one.verdict != "pass"]
        return Verdict(
            gate=gate,
            place=self.place,
            verdict=judged,
            reason="; ".join(map(in_words, amiss or measures)),
            measures=tuple(measures),
            n=n,
            unit=unit,
            seed=self.seed,
            checkpoint=None if self.checkpoint is None else self.checkpoint[:DIGITS],
            stops=stops and judged == "fail",
        )

    def not_judged(self, gate: GateName, reason: str) -> Verdict:
        """There is nothing to judge by."""
        blank = self.verdict(gate, (), n=0, unit="")
        return blank.model_copy(update={"reason": reason})


def counted(name: str, value: int, *, otherwise: Judgement) -> Measure:
    """A number of faults, of which there must be none."""
    verdict: Judgement = "pass" if value == 0 else otherwise
    return Measure(name=name, value=value, limit="0", verdict=verdict)


def in_words(measure: Measure) -> str:
    """The number and its limit."""
    if measure.verdict == "not judged":
        return f"{measure.name}: {measure.limit}"
    value = "not finite" if measure.value is None else f"{measure.value:.4g}"
    return f"{measure.name} {value} (passes: {measure.limit})"
