"""What figures ask of `metrics`: who trained when, columns in stretches of steps, marked steps.

A stretch keeps the least, the greatest and the mean value of every column, so that one grouped
scan thins several curves at once and a spike stays visible. Of 100,000 steps three columns take
80 ms, where ranking them by window functions takes seconds.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, or_, select

from state import schema
from state.metrics_reader import AnySelect, MetricsReader

_M = schema.METRICS.c
Range = tuple[int, int]
"""First and last, both within."""


class Stint(NamedTuple):
    """The steps of one member in one generation."""

    generation: int
    member_id: str
    phase: str
    first_step: int
    last_step: int
    num_steps: int


class Spread(NamedTuple):
    """The values of one column over a stretch of steps."""

    least: float
    greatest: float
    mean: float


class Stretch(NamedTuple):
    """Consecutive steps of one member, at most as many as were asked for."""

    generation: int
    member_id: str
    first_step: int
    last_step: int
    spreads: tuple[Spread | None, ...]
    """One for each column; None where no step has a value."""


class Mark(NamedTuple):
    """A step at which something happened."""

    generation: int
    member_id: str
    step: int
    value: float | str


class Extent(NamedTuple):
    """Which steps are meant; None bounds nothing."""

    generations: Range | None = None
    steps: Range | None = None
    member_ids: Collection[str] | None = None
    measured: Sequence[str] = ()
    """Only steps that have a value in one of these columns."""


EVERYTHING = Extent()


def stints(reader: MetricsReader, run_id: str, extent: Extent = EVERYTHING) -> tuple[Stint, ...]:
    """Who trained in which generation, in order of generation and member."""
    query = (
        select(
            *(_M.generation, _M.member, func.min(_M.phase)),
            *(func.min(_M.step), func.max(_M.step), func.count()),
        )
        .where(*_within(run_id, extent))
        .group_by(_M.generation, _M.member)
        .order_by(_M.generation, _M.member)
    )
    return tuple(Stint(*row) for row in _all(reader, query))


def stretches(
    reader: MetricsReader,
    run_id: str,
    columns: Sequence[str],
    width: int,
    extent: Extent = EVERYTHING,
) -> tuple[Stretch, ...]:
    """`columns` over stretches of `width` steps, in order of generation, member and step."""
    place = [_M.generation, _M.member, (_M.step // max(1, width)).label("stretch")]
    values = [
        end(_M[name]) for name in columns for end in (func.min, func.max, func.avg, func.count)
    ]
    query = (
        select(_M.generation, _M.member, func.min(_M.step), func.max(_M.step), *values)
        .where(*_within(run_id, extent))
        .group_by(*place)
        .order_by(_M.generation, _M.member, func.min(_M.step))
    )
    return tuple(_stretch(row, len(columns)) for row in _all(reader, query))


def readings(
    reader: MetricsReader, run_id: str, columns: Sequence[str]
) -> dict[str, tuple[Mark, ...]]:
    """Every step that has a value in a sparse column, in order of generation, member and step."""
    values = [_M[name] for name in columns]
    query = select(_M.generation, _M.member, _M.step, *values).where(
        _M.run_id == run_id, _any_of(columns)
    )
    rows = _all(reader, query.order_by(_M.generation, _M.member, _M.step))
    return {
        name: tuple(
            Mark(row[0], row[1], row[2], row[3 + index])
            for row in rows
            if row[3 + index] is not None
        )
        for index, name in enumerate(columns)
    }


def marked(
    reader: MetricsReader, run_id: str, column: str, last: int, extent: Extent = EVERYTHING
) -> tuple[int, tuple[Mark, ...]]:
    """How many steps have a value in `column` that is not 0, and the last of them in order."""
    value = _M[column]
    number = case((value, 1), else_=0) if column == "skipped" else value
    mine = (*_within(run_id, extent), value.is_not(None))
    if column != "batch_change_reason":
        mine = (*mine, number != 0)
    backwards = (_M.generation.desc(), _M.step.desc(), _M.member.desc())
    query = select(_M.generation, _M.member, _M.step, number).where(*mine)
    found = _all(reader, query.order_by(*backwards).limit(last))[::-1]
    count = len(found)
    if count == last:
        count = _all(reader, select(func.count()).where(*mine))[0][0]
    return count, tuple(Mark(*row) for row in found)


def changes(reader: MetricsReader, run_id: str, column: str, last: int) -> tuple[Mark, ...]:
    """The last steps at which a column has another value than at the member's step before."""
    series = reader.changes(run_id, column, last=last)
    rows = zip(series.generation, series.member_id, series.step, series.values[column], strict=True)
    return tuple(Mark(*row[:3], row[3]) for row in rows if isinstance(row[3], int | float | str))


def has_values(reader: MetricsReader, run_id: str, columns: Sequence[str]) -> bool:
    """Whether any step has a value in one of `columns`."""
    query = select(_M.step).where(_M.run_id == run_id, _any_of(columns)).limit(1)
    return bool(_all(reader, query))


def train_losses(reader: MetricsReader, run_id: str) -> tuple[tuple[int, float], ...]:
    """(generation, least training loss of those that go on), nats a token, for a sparkline."""
    members = schema.MEMBERS.c
    query = (
        select(members.generation, func.min(members.train_loss))
        .where(
            members.run_id == run_id,
            members.role.in_(("champion", "host")),
            members.train_loss.is_not(None),
        )
        .group_by(members.generation)
        .order_by(members.generation)
    )
    return tuple((row[0], row[1]) for row in _all(reader, query))


def _any_of(columns: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(_M[name].is_not(None) for name in columns))


def _within(run_id: str, extent: Extent) -> tuple[ColumnElement[bool], ...]:
    conditions: list[ColumnElement[bool]] = [_M.run_id == run_id]
    if extent.generations is not None:
        conditions.append(_M.generation.between(*extent.generations))
    if extent.member_ids is not None:
        conditions.append(_M.member.in_(list(extent.member_ids)))
    if extent.steps is not None:
        conditions.append(_M.step.between(*extent.steps))
    if extent.measured:
        conditions.append(_any_of(extent.measured))
    return tuple(conditions)


def _stretch(row: tuple[Any, ...], num_columns: int) -> Stretch:
    generation, member, first, last, *values = row
    quads = [values[4 * index : 4 * index + 4] for index in range(num_columns)]
    spreads = tuple(
        Spread(float(least), float(most), float(mean)) if count else None
        for least, most, mean, count in quads
    )
    return Stretch(generation, member, first, last, spreads)


def _all(reader: MetricsReader, query: AnySelect) -> list[tuple[Any, ...]]:
    with reader._reading() as connection:
        return [tuple(row) for row in connection.execute(query)]
