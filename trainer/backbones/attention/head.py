"""One head of attention and what both passes do with it, as vector instructions.

Scores come from keys or values in columns, one lane a key; outputs and gradients from rows, lanes
along the width.

Shapes: T positions, E width of a head, both multiples of 16; R queries of a block.
"""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from llvmlite import ir

from trainer.simd.arrays import Matrix, transposed
from trainer.simd.counting import INT64, count, each
from trainer.simd.exponential import EXP_RANGE, exponential
from trainer.simd.lanes import LANES, Lanes, Vector

UNROLLED = 4
"""Elements of a product between two jumps: more make the code longer and no faster."""


BLOCK_ROWS = 8
"""Most queries of a block."""


def num_queries(width: int) -> int:
    """Queries of a block: with their outputs in registers."""
    return BLOCK_ROWS if width <= 2 * LANES else 4


class Head(NamedTuple):
    """What one head works on."""

    lanes: Lanes
    length: ir.Value
    """T."""
    width: int
    arrays: dict[str, Matrix]
    columns: dict[str, Matrix]
    """Keys and values as [E, T]."""
    rows: dict[str, Matrix]
    """Probabilities and gradients of scores, [R, T]."""

    @property
    def parts(self) -> range:
        """First columns of the 16s that make up a row."""
        return range(0, self.width, LANES)

    @property
    def queries(self) -> range:
        """Numbers of the queries of a block."""
        return range(num_queries(self.width))

    def row(self, first: ir.Value, number: int) -> ir.Value:
        """Index of a query of the block that starts at `first`."""
        return self.lanes.builder.add(first, INT64(number))


def to_columns(head: Head, name: str) -> None:
    """Write a tensor of the head as [E, T]."""
    lanes, array = head.lanes, head.arrays[name]

    def positions(start: ir.Value) -> None:
        for part in head.parts:
            rows = [array.load(head.row(start, n), part) for n in range(LANES)]
            for n, column in enumerate(transposed(lanes, rows)):
                head.columns[name].store(column, INT64(part + n), start)

    each(lanes.builder, INT64(0), head.length, LANES, positions)


def products(head: Head, left: str, right: str, first: ir.Value, start: ir.Value) -> list[Vector]:
    """Inner products of the block's rows of `left` with 16 rows of `right`, one lane each."""
    lanes, builder = head.lanes, head.lanes.builder

    def elements(index: ir.Value, totals: list[Vector]) -> list[Vector]:
        for element in (builder.add(index, INT64(n)) for n in range(UNROLLED)):
            column = head.columns[right].load(element, start)
            for number in head.queries:
                factor = head.arrays[left].spread(head.row(first, number), element)
                totals[number] = lanes.fma(factor, column, totals[number])
        return totals

    zeros = [lanes.constant(0) for _ in head.queries]
    return count(builder, INT64(0), INT64(head.width), UNROLLED, zeros, elements)


def visible(head: Head, first: ir.Value, number: int, start: ir.Value) -> ir.Value:
    """Which of the 16 keys from `start` on a query may see: those up to itself."""
    builder = head.lanes.builder
    reach = builder.trunc(builder.sub(head.row(first, number), start), ir.IntType(32))
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(LANES)))
    return builder.icmp_signed("<=", places, head.lanes.spread_int(reach))


def weight(lanes: Lanes, below: Vector, seen: ir.Value) -> Vector:
    """`exp(below)`, at most 1, of the keys that are seen, 0 of others."""
    within = lanes.clamp(below, -EXP_RANGE, 0)
    return lanes.select(seen, exponential(lanes, within), lanes.constant(0))


def weighted_rows(head: Head, end: ir.Value, weights: Matrix, values: Matrix) -> list[list[Vector]]:
    """For every query the sum of the rows up to `end`, weighted by its row of `weights`."""
    lanes, parts = head.lanes, list(head.parts)

    def key(index: ir.Value, totals: list[Vector]) -> list[Vector]:
        rows = [values.load(index, part) for part in parts]
        result = []
        for number in head.queries:
            factor = weights.spread(INT64(number), index)
            for n, row in enumerate(rows):
                result.append(lanes.fma(factor, row, totals[number * len(parts) + n]))
        return result

    zeros = [lanes.constant(0) for _ in product(head.queries, parts)]
    found = count(lanes.builder, INT64(0), end, 1, zeros, key)
    return [found[n : n + len(parts)] for n in range(0, len(found), len(parts))]


def store_rows(head: Head, into: str, first: ir.Value, rows: list[list[Vector]]) -> None:
    """Write a row for every query of the block."""
    for number, row in zip(head.queries, rows, strict=True):
        for part, value in zip(head.parts, row, strict=True):
            head.arrays[into].store(value, head.row(first, number), part)


def add_outer(
    head: Head, first: ir.Value, end: ir.Value, weights: str, left: str, into: str
) -> None:
    """Add to the rows of `into` up to `end` the block's rows of `left`, weighted."""
    lanes, target = head.lanes, head.arrays[into]
    for part in head.parts:
        rows = [head.arrays[left].load(head.row(first, number), part) for number in head.queries]
        each(lanes.builder, INT64(0), end, 1, _adding(head, rows, head.rows[weights], target, part))


def _adding(
    head: Head, rows: list[Vector], weights: Matrix, target: Matrix, part: int
) -> Callable[[ir.Value], None]:
    def key(index: ir.Value) -> None:
        total = target.load(index, part)
        for number, row in enumerate(rows):
            total = head.lanes.fma(weights.spread(INT64(number), index), row, total)
        target.store(total, index, part)

    return key


def clear(head: Head, array: Matrix) -> None:
    """Write zeros to every row."""
    zero = head.lanes.constant(0)

    def row(index: ir.Value) -> None:
        for part in head.parts:
            array.store(zero, index, part)

    each(head.lanes.builder, INT64(0), head.length, 1, row)
