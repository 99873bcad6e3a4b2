"""The gates of a training: its course (G3), the balance of its gradients (G4)."""

from collections.abc import Sequence
from math import fsum, sqrt
from statistics import median

from orchestrator.validation.bands import Band, Range
from orchestrator.validation.limits import (
    DEAD,
    LEAST_STEPS,
    MOST_STEPS,
    RATIO,
    RATIO_BEYOND,
    Limits,
)
from orchestrator.validation.subject import Subject, counted
from state.validation import Balance, Measure, Stretch, Verdict

LEAST_RATIOS = 5
"""Of fewer evaluations a share of four fifths says nothing, and none of them fails a run."""
RATIO_STEPS = 100
"""Of one evaluation of the ratio of two gradient norms."""
FALLING = Band(passes=Range(high=1.0, holds_high=False), warns=Range(high=1.0, holds_high=False))
SHARE_INSIDE = Band(passes=Range(low=0.8), warns=Range(low=0.5))


def judge_course(
    course: Sequence[Stretch],
    limits: Limits,
    subject: Subject,
    *,
    reference_norm: float | None = None,
    trained_before: bool = False,
) -> Verdict:
    """G3, of at most 1,000 steps. `reference_norm` is the gradient norm of another run there."""
    course = first_steps(course)
    steps = sum(one.steps for one in course)
    if steps < LEAST_STEPS or len(course) < 2:
        return subject.not_judged("G3", f"{steps} steps are too few; {LEAST_STEPS} are needed")
    loss = _loss_change(course, trained_before=trained_before)
    measures = (loss, _gradient(course, limits, reference_norm))
    stops = loss.verdict == "fail"
    return subject.verdict("G3", measures, n=steps, unit="steps", stops=stops)


def first_steps(course: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The stretches up to the step with which G3 ends."""
    kept, steps = [], 0
    for one in course:
        if steps >= MOST_STEPS:
            break
        kept.append(one)
        steps += one.steps
    return tuple(kept)


def last_norm(course: Sequence[Stretch]) -> float | None:
    """Mean gradient norm before clipping over the last tenth."""
    return _weighted([(one.grad_norm, one.steps) for one in course[-_tenth(course) :]])


def weighed(balance: Balance, course: Sequence[Stretch]) -> Balance:
    """The tally with what one task did; a stretch without finite norms counts for nothing."""
    for one in course:
        if one.first is not None and one.second is not None:
            squares = (one.steps * one.first**2, one.steps * one.second**2)
            update = {
                "open_steps": balance.open_steps + one.steps,
                "open_squares": _added(balance.open_squares, squares),
            }
            balance = balance.model_copy(update=update)
        if balance.open_steps >= RATIO_STEPS:
            balance = _closed(balance)
    return balance


def ratio_of(squares: tuple[float, float]) -> float | None:
    """Of the roots of two sums of squares; None where the second is zero."""
    first, second = squares
    return sqrt(first / second) if second else None


def judge_balance(
    balance: Balance, parts: tuple[str, str], limits: Limits, subject: Subject
) -> Verdict:
    """G4: the gradient norm of the first part over that of the second."""
    name = f"{parts[0]} to {parts[1]}"
    newest = balance.last if balance.num else balance.open_squares
    if not balance.num and balance.open_steps < LEAST_STEPS:
        why = f"the gradient norms of {name} were measured in {balance.open_steps} steps"
        return subject.not_judged("G4", f"{why}; {LEAST_STEPS} are needed")
    ratio = ratio_of(newest)
    is_dead = ratio is None or not DEAD < ratio < 1 / DEAD
    dead = counted(f"dead components of {name}", int(is_dead), otherwise="fail")
    measures = (_ratio_measure(balance, name, limits), dead)
    return subject.verdict("G4", measures, n=balance.num, unit="ratios", stops=is_dead)


def _loss_change(course: Sequence[Stretch], *, trained_before: bool) -> Measure:
    """Loss of the last tenth over that of the first."""
    tenth, name = _tenth(course), "loss of the last tenth over the first"
    first = _weighted([(one.loss, one.steps) for one in course[:tenth]])
    last = _weighted([(one.loss, one.steps) for one in course[-tenth:]])
    change = last / first if first and last is not None else None
    measure = FALLING.measure(name, change)
    if not trained_before:
        return measure
    why = "the model had been trained before"
    return Measure(name=name, value=measure.value, limit=why, verdict="not judged")


def _gradient(course: Sequence[Stretch], limits: Limits, reference: float | None) -> Measure:
    """Norm of the last tenth: itself, or over a reference, else over the run's own median."""
    norm = last_norm(course)
    if limits.gradient_is_absolute:
        return limits.gradient.measure("gradient norm of the last tenth", norm)
    name = "gradient norm over the reference's"
    if reference is None:
        name = "gradient norm of the last tenth over the run's median"
        known = [one.grad_norm for one in course if one.grad_norm is not None]
        reference = median(known) if known else None
    ratio = norm / reference if norm is not None and reference else None
    return limits.gradient.measure(name, ratio)


def _tenth(course: Sequence[Stretch]) -> int:
    """Stretches of a tenth of the steps, at least one."""
    return max(1, round(len(course) / 10))


def _weighted(values: Sequence[tuple[float | None, int]]) -> float | None:
    """Mean by steps; None where there is no value."""
    known = [(value, steps) for value, steps in values if value is not None]
    total = sum(steps for _, steps in known)
    return fsum(value * steps for value, steps in known) / total if total else None


def _closed(balance: Balance) -> Balance:
    """The tally with one more ratio, and nothing open."""
    ratio = ratio_of(balance.open_squares)
    update = {
        "num": balance.num + 1,
        "inside": balance.inside + (ratio is not None and ratio in RATIO),
        "beyond": balance.beyond + (ratio is None or ratio not in RATIO_BEYOND),
        "squares": _added(balance.squares, balance.open_squares),
        "last": balance.open_squares,
        "open_steps": 0,
        "open_squares": (0.0, 0.0),
    }
    return balance.model_copy(update=update)


def _ratio_measure(balance: Balance, name: str, limits: Limits) -> Measure:
    """The share of the ratios in .3 to 3; of few ratios the one of all steps together, which at
    worst warns.
    """
    if not balance.num:
        why = f"asked from {RATIO_STEPS} steps on"
        return Measure(name=f"ratio of {name}", value=None, limit=why, verdict="not judged")
    if limits.ratio_is_overall or balance.num < LEAST_RATIOS:
        overall = limits.ratio.measure(f"gradient norms of {name}", ratio_of(balance.squares))
        early = overall.verdict == "fail" and not limits.ratio_is_overall
        return overall.model_copy(update={"verdict": "warn"}) if early else overall
    last = ratio_of(balance.last)
    told = f"last {'none' if last is None else f'{last:.3g}'}, {balance.beyond} beyond"
    share = balance.inside / balance.num
    shown = f"share of ratios of {name} in {RATIO} ({told} {RATIO_BEYOND})"
    measure = SHARE_INSIDE.measure(shown, share)
    if measure.verdict == "warn" and balance.beyond:
        return measure.model_copy(update={"verdict": "fail"})
    return measure


def _added(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]
