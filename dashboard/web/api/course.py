"""Columns of a run's steps over stretches of them, as few as were asked for."""

from collections.abc import Callable, Sequence

from state.base import Record
from state.metrics_figures import Extent, Spread, Stint, Stretch, stints, stretches
from state.metrics_reader import MetricsReader
from state.metrics_series import require_numeric

Values = dict[str, tuple[float | None, ...]]
"""Column -> one entry for each stretch; None where no step of it has a value."""


class Course(Record):
    """Stretches in order of generation, member and step; every tuple has one entry for each.

    Where all of them are single steps, `least`, `greatest` and `mean` are the values.
    """

    generation: tuple[int, ...]
    member_id: tuple[str, ...]
    first_step: tuple[int, ...]
    last_step: tuple[int, ...]
    least: Values
    greatest: Values
    mean: Values
    num_steps: int
    """That have a value in one of the columns."""


def course(
    reader: MetricsReader,
    run_id: str,
    columns: Sequence[str],
    member_ids: Sequence[str] | None,
    points: int,
) -> Course:
    """Columns of those steps that have a value in one of them, in about `points` stretches.

    It may be more where there are many members: two for each in each generation.

    Raises:
        ValueError: a column is unknown or holds no numbers, or there is none.
    """
    names = tuple(dict.fromkeys(columns))
    require_numeric(names)
    extent = Extent(member_ids=member_ids, measured=names)
    found = stints(reader, run_id, extent)
    rows = stretches(reader, run_id, names, _width(found, points), extent)
    return Course(
        generation=tuple(row.generation for row in rows),
        member_id=tuple(row.member_id for row in rows),
        first_step=tuple(row.first_step for row in rows),
        last_step=tuple(row.last_step for row in rows),
        least=_values(names, rows, lambda spread: spread.least),
        greatest=_values(names, rows, lambda spread: spread.greatest),
        mean=_values(names, rows, lambda spread: spread.mean),
        num_steps=sum(one.num_steps for one in found),
    )


def _width(found: Sequence[Stint], points: int) -> int:
    """Steps of a stretch. Stretches do not begin where members do, so each has one more."""
    if sum(one.num_steps for one in found) <= points:
        return 1
    steps = sum(one.last_step - one.first_step + 1 for one in found)
    return -(-steps // max(1, points - len(found)))


def _values(
    names: Sequence[str], rows: Sequence[Stretch], part: Callable[[Spread], float]
) -> Values:
    return {
        name: tuple(
            None if (spread := row.spreads[index]) is None else part(spread) for row in rows
        )
        for index, name in enumerate(names)
    }
