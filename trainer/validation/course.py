"""The rows of a task as stretches of ten steps. Imports no torch."""

from collections.abc import Iterable, Sequence
from math import fsum, sqrt

from state.records import StepMetrics
from state.validation import Stretch
from trainer.backbones.names import MIXINGS, Backbone

STRETCH_STEPS = 10


def compared_parts(backbone: Backbone) -> tuple[str, str]:
    """The two parts of a model whose gradient norms are compared, as the rows name them."""
    match MIXINGS[backbone].components:
        case (first, second):
            return first, second
        case (only,):
            return only, "feed_forward"
        case _:
            return "attention", "feed_forward"


def course_of(rows: Sequence[StepMetrics], backbone: Backbone) -> tuple[Stretch, ...]:
    """Every step in its stretch, in order; the last one may be shorter."""
    first, second = compared_parts(backbone)
    return tuple(
        Stretch(
            steps=len(rows_S),
            loss=_mean(row.loss for row in rows_S),
            grad_norm=_mean(row.grad_norm for row in rows_S),
            first=_root_mean_square(getattr(row, f"grad_norm_{first}") for row in rows_S),
            second=_root_mean_square(getattr(row, f"grad_norm_{second}") for row in rows_S),
        )
        for rows_S in _stretches(rows)
    )


def _stretches(rows: Sequence[StepMetrics]) -> list[Sequence[StepMetrics]]:
    starts = range(0, len(rows), STRETCH_STEPS)
    return [rows[start : start + STRETCH_STEPS] for start in starts]


def _mean(values: Iterable[float | None]) -> float | None:
    finite = [value for value in values if value is not None]
    return fsum(finite) / len(finite) if finite else None


def _root_mean_square(values: Iterable[float | None]) -> float | None:
    mean = _mean(None if value is None else value * value for value in values)
    return None if mean is None else sqrt(mean)
