"""From workloads and rates to seconds, with the error that was found in them."""

from collections.abc import Sequence

from orchestrator.planning.rates import Rates
from orchestrator.planning.workload import Workload
from state.base import Record

RAY_START_SECONDS = 2.0
"""Ray's own processes. docs/design/plan.md compares all of this with finished runs."""
COMMIT_SECONDS = 0.03
CLOSING_SECONDS = 2.0
"""The order-2 baseline, the model's files, the report."""
MODEL_ERROR = 0.2
"""What the counts were off by at most, given the rates that finished runs had themselves."""
BUSY_ERROR = 0.5
"""More where other programs hold more than half of the cores: they come and go."""


class TextSize(Record):
    """Tokens of the text's splits."""

    train_tokens: int
    search_tokens: int
    test_tokens: int


class Seconds(Record):
    """An estimate and its range."""

    likely: float
    low: float
    high: float


class PhaseSeconds(Record):
    """Where the time of a phase goes."""

    name: str
    training: float
    evaluation: float
    battery: float
    other: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.training + self.evaluation + self.battery + self.other


def phase_seconds(work: Workload, rates: Rates, text: TextSize) -> PhaseSeconds:
    """One phase."""
    member, single = rates.member, rates.single
    looks = work.single_looks * text.search_tokens + work.test_looks * text.test_tokens
    whole = work.whole_batteries * 3 * rates.battery_seconds
    return PhaseSeconds(
        name=work.name,
        training=work.member_steps * member.step_seconds + work.single_steps * single.step_seconds,
        evaluation=work.member_tasks * text.search_tokens * member.look_token_seconds
        + looks * single.look_token_seconds,
        battery=work.batteries * rates.battery_seconds + whole,
        other=work.commits * COMMIT_SECONDS
        + (work.member_tasks + work.single_tasks) * rates.store_seconds,
    )


def edges(rates: Rates, *, ray: bool) -> tuple[PhaseSeconds, float]:
    """Seconds before the first phase, and what is added to those after the last."""
    start = rates.start_seconds + (RAY_START_SECONDS if ray else 0.0)
    begun = PhaseSeconds(
        name="start", training=0, evaluation=0, battery=rates.reference_seconds, other=start
    )
    return begun, CLOSING_SECONDS


def total(parts: Sequence[PhaseSeconds], rates: Rates, cores: int) -> Seconds:
    """The sum with its range."""
    likely = sum(part.total for part in parts)
    error = error_of(rates, cores)
    return Seconds(likely=likely, low=likely / (1 + error), high=likely * (1 + error))


def error_of(rates: Rates, cores: int) -> float:
    """Relative error to expect: what the model was off by, or the measurement's own unrest."""
    unrest = max(rates.member.spread, rates.single.spread)
    return max(MODEL_ERROR, unrest) + (BUSY_ERROR if rates.busy > cores / 2 else 0.0)
