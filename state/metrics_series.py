"""Single columns of `metrics`: where one changes, and the extremes of the loss."""

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    func,
    or_,
    select,
)

from state import schema
from state.base import Record

Cell = float | int | str | bool | None
_M = schema.METRICS.c
_PLACE = (_M.generation, _M.member, _M.step)
_ORDER = (_M.generation, _M.step, _M.member)


class Series(Record):
    """Points in order of generation, step and member; every tuple has one entry for each."""

    generation: tuple[int, ...]
    member_id: tuple[str, ...]
    step: tuple[int, ...]
    values: dict[str, tuple[Cell, ...]]
    """Column of `metrics` -> its values; None where a step has none."""
    num_points: int
    """Before any were left out."""


def numeric_columns() -> tuple[str, ...]:
    """What a curve can be drawn of."""
    kinds = (Double, BigInteger, Integer)
    return tuple(
        column.name
        for column in schema.METRICS.columns
        if isinstance(column.type, kinds) and not column.primary_key
    )


def read_changes(
    connection: Connection,
    run_id: str,
    column: str,
    member_ids: Iterable[str] | None,
    last: int | None,
) -> Series:
    """The steps at which `column` has a value, and another one than at the step before.

    The first step is one of them unless its value is 0 or false.

    Raises:
        ValueError: the column is unknown.
    """
    value = _M[_known(column)]
    before = func.lag(value).over(order_by=_ORDER)
    seen = select(*_PLACE, value, before.label("before")).where(_of(run_id, member_ids)).subquery()
    now, then = seen.c[column], seen.c.before
    differs = now.is_not(None) & now.is_distinct_from(then)
    if isinstance(value.type, Boolean):
        differs &= or_(then.is_not(None), now)
    elif column in numeric_columns():
        differs &= or_(then.is_not(None), now != 0)
    backwards = [seen.c[name].desc() for name in ("generation", "step", "member")]
    query = select(seen).where(differs).order_by(*backwards).limit(last)
    rows = connection.execute(query).all()[::-1]
    return Series(
        generation=tuple(row[0] for row in rows),
        member_id=tuple(row[1] for row in rows),
        step=tuple(row[2] for row in rows),
        values={column: tuple(row[3] for row in rows)},
        num_points=len(rows),
    )


def loss_extremes(
    points: Select[*tuple[object, ...]], stretch_rows: int
) -> Select[*tuple[object, ...]]:
    """The least and the greatest loss of every `stretch_rows` consecutive points."""
    position = func.row_number().over(order_by=list(_ORDER)).label("position")
    numbered = points.add_columns(position).subquery()
    place, loss = numbered.c.position, numbered.c.loss
    stretch = (place - 1) // stretch_rows
    least = func.row_number().over(partition_by=stretch, order_by=[loss, place])
    most = func.row_number().over(partition_by=stretch, order_by=[-loss, place])
    ranked = select(numbered, least.label("least"), most.label("most")).subquery()
    extreme = or_(ranked.c.least == 1, ranked.c.most == 1)
    return select(ranked).where(extreme).order_by(ranked.c.position)


def _known(column: str) -> str:
    if column in schema.METRICS.columns and column not in schema.METRICS.primary_key.columns:
        return column
    raise ValueError(f"{column} is not a column of metrics; name one of state.schema.METRICS")


def require_numeric(names: Sequence[str]) -> None:
    """
    Raises:
        ValueError: a column is unknown or holds no numbers, or there is none.
    """
    if not names:
        raise ValueError("no column is named; name one of state.schema.METRICS")
    for name in names:
        if _known(name) not in numeric_columns():
            raise ValueError(f"{name} holds no numbers; name another column of metrics")


def _of(run_id: str, member_ids: Iterable[str] | None) -> ColumnElement[bool]:
    mine = _M.run_id == run_id
    return mine if member_ids is None else mine & _M.member.in_(list(member_ids))
