"""The gates of one model: before it trains (G0 to G2), and of its states (G3.5)."""

from collections.abc import Sequence
from math import log

from orchestrator.validation.bands import Band
from orchestrator.validation.limits import Limits
from orchestrator.validation.subject import Subject, counted
from state.validation import BuildReading, GateName, Measure, StateReading, Verdict

BUILD_GATES: tuple[GateName, ...] = ("G0", "G1", "G2")
NO_STATES = "attention has no states"


def judge_build(
    reading: BuildReading | None, limits: Limits, subject: Subject, error: str | None = None
) -> tuple[Verdict, ...]:
    """G0, G1 and G2; `error` says why there is no reading. Trained weights have no G2."""
    if reading is None:
        why = error or "the model was not read"
        return tuple(subject.not_judged(name, why) for name in BUILD_GATES)
    if subject.checkpoint is None:
        entropy = _entropy(reading, limits, subject)
    else:
        entropy = subject.not_judged("G2", "the model begins with trained weights")
    return _vocabulary(reading, subject), _forward(reading, subject), entropy


def judge_states(readings: Sequence[StateReading], limits: Limits, subject: Subject) -> Verdict:
    """G3.5: each figure is the mean over layers of the worse component."""
    if not readings:
        return subject.not_judged("G3.5", NO_STATES)
    cosine = ("cosine of states half a window apart", "cosine")
    entries = ("entries beyond 5 times the first half's", "outgrown")
    if limits.states_are_absolute:
        cosine = ("cosine of successive states", "token_cosine")
        entries = ("entries beyond 5", "saturated")
    measures = (
        _worse(limits.cosine, readings, *cosine, sign=1),
        _worse(limits.top_share, readings, "top-5 singular share", "top_share", sign=-1),
        _worse(limits.saturated, readings, *entries, sign=1),
    )
    states = sum(one.num_states for one in readings)
    return subject.verdict("G3.5", measures, n=states, unit="states")


def _vocabulary(reading: BuildReading, subject: Subject) -> Verdict:
    split = ", ".join(reading.split_controls)
    markers = f"control tokens that are no single id{f' ({split})' if split else ''}"
    slow = ", ".join(f"{one.part} by {one.code}" for one in reading.kernels if one.fallback)
    missing = f"kernels replaced{f' ({slow})' if slow else ''}"
    fallbacks = sum(one.fallback for one in reading.kernels)
    measures = (
        counted(markers, len(reading.split_controls), otherwise="fail"),
        counted(missing, fallbacks, otherwise="warn"),
    )
    return subject.verdict("G0", measures, n=reading.controls, unit="control tokens")


def _forward(reading: BuildReading, subject: Subject) -> Verdict:
    shape = "x".join(map(str, reading.shape))
    expected = "x".join(map(str, reading.expected_shape))
    name = f"logits {shape}, wrong sizes"
    wrong = counted(name, int(reading.shape != reading.expected_shape), otherwise="fail")
    measures = (
        counted("logits that are not finite", reading.not_finite, otherwise="fail"),
        wrong.model_copy(update={"limit": f"0, that is {expected}"}),
    )
    stops = reading.not_finite > 0
    return subject.verdict("G1", measures, n=reading.num_ids, unit="ids", stops=stops)


def _entropy(reading: BuildReading, limits: Limits, subject: Subject) -> Verdict:
    name, value = "entropy in nats", reading.entropy
    if not limits.entropy_in_nats:
        name = "entropy over ln V"
        value = None if value is None else value / log(reading.vocabulary)
    measure = limits.entropy.measure(name, value)
    return subject.verdict("G2", (measure,), n=reading.num_ids, unit="ids")


def _means(readings: Sequence[StateReading], figure: str) -> dict[str, float | None]:
    """By component, over its layers; None where one is not finite."""
    found: dict[str, list[float | None]] = {}
    for one in readings:
        found.setdefault(one.component, []).append(getattr(one, figure))
    return {name: _mean(values) for name, values in found.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    finite = [value for value in values if value is not None]
    return sum(finite) / len(finite) if len(finite) == len(values) else None


def _worse(
    band: Band, readings: Sequence[StateReading], name: str, figure: str, *, sign: int
) -> Measure:
    """The component that is nearest to failing: with the largest figure, or the smallest."""
    means = _means(readings, figure)

    def badness(component: str) -> float:
        value = means[component]
        return float("inf") if value is None else sign * value

    component = max(means, key=badness)
    return band.measure(f"{component} {name}", means[component])
