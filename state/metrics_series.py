"""Curves: columns of `metrics`, thinned in the database.

A curve is cut into stretches of equally many steps, of which the least, the greatest and the last
value of each column are kept: spikes stay visible and the end is exact.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.sql.selectable import CTE

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


def read_series(
    connection: Connection,
    run_id: str,
    columns: Sequence[str],
    member_ids: Iterable[str] | None,
    limit: int | None,
) -> Series:
    """The steps at which one of `columns` has a value, thinned to about `limit`.

    Where there are many members it may be more: three for each member and column.

    Raises:
        ValueError: a column is unknown or holds no numbers, or there is none.
    """
    names = tuple(dict.fromkeys(columns))
    _require_numeric(names)
    mine = _of(run_id, member_ids) & or_(*(_M[name].is_not(None) for name in names))
    count = connection.execute(select(func.count()).where(mine)).scalar_one()
    query = select(*_PLACE, *(_M[name] for name in names)).where(mine)
    if limit is not None and count > limit:
        width = -(-count * (2 * len(names) + 1) // max(1, limit))
        kept = _kept(_extremes(_stretches(names, mine, width), names), names)
        same = [_M[name] == kept.c[name] for name in ("generation", "member", "step")]
        query = query.join(kept, and_(_M.run_id == run_id, *same))
    rows = connection.execute(query.order_by(*_ORDER)).all()
    generation, member, step, *values = (
        zip(*rows, strict=True) if rows else ((),) * (3 + len(names))
    )
    return Series(
        generation=generation,
        member_id=member,
        step=step,
        values=dict(zip(names, values, strict=True)),
        num_points=count,
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


def _require_numeric(names: Sequence[str]) -> None:
    if not names:
        raise ValueError("no column is named; name one of state.schema.METRICS")
    for name in names:
        if _known(name) not in numeric_columns():
            raise ValueError(f"{name} holds no numbers; name another column of metrics")


def _of(run_id: str, member_ids: Iterable[str] | None) -> ColumnElement[bool]:
    mine = _M.run_id == run_id
    return mine if member_ids is None else mine & _M.member.in_(list(member_ids))


def _stretches(names: Sequence[str], mine: ColumnElement[bool], width: int) -> Subquery:
    """Every step with the stretch that it is in, and the stretch's least and greatest values."""
    # Written out, not bound: SQLite computes windows together whose texts are the same.
    index: ColumnElement[int] = _M.step // literal_column(str(width), Integer)
    place = [_M.generation, _M.member, index]
    ends = [
        end(_M[name]).over(partition_by=place).label(f"{label}_{name}")
        for name in names
        for label, end in (("least", func.min), ("most", func.max))
    ]
    return (
        select(*_PLACE, index.label("stretch"), *(_M[name] for name in names), *ends)
        .where(mine)
        .subquery()
    )


def _extremes(seen: Subquery, names: Sequence[str]) -> CTE:
    """Of each stretch the first steps with these values, and its last step."""
    firsts = [
        func.min(case((seen.c[name] == seen.c[f"{end}_{name}"], seen.c.step))).label(
            f"{end}_{name}"
        )
        for name in names
        for end in ("least", "most")
    ]
    place = [seen.c.generation, seen.c.member, seen.c.stretch]
    return select(*place, func.max(seen.c.step).label("last"), *firsts).group_by(*place).cte()


def _kept(extremes: CTE, names: Sequence[str]) -> Subquery:
    """Keys of the steps that are kept."""
    ends = ["last", *(f"{end}_{name}" for name in names for end in ("least", "most"))]
    place = (extremes.c.generation, extremes.c.member)
    return union(*(select(*place, extremes.c[end].label("step")) for end in ends)).subquery()
