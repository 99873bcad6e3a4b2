"""Float32 arrays in memory, read and written by lanes."""

from typing import NamedTuple

from llvmlite import ir

from trainer.simd.counting import INT64
from trainer.simd.lanes import FLOAT, FLOATS, LANES, Lanes, Vector


class Matrix(NamedTuple):
    """Rows of floats; the elements of a row lie side by side."""

    lanes: Lanes
    start: ir.Value
    """Pointer to row 0."""
    stride: ir.Value
    """Elements from row to row."""

    def at(self, row: ir.Value, column: ir.Value | int = 0) -> ir.Value:
        """Pointer to an element."""
        builder = self.lanes.builder
        offset = builder.mul(row, self.stride)
        place = builder.add(offset, INT64(column) if isinstance(column, int) else column)
        return builder.gep(self.start, [place], source_etype=FLOAT)

    def load(self, row: ir.Value, column: ir.Value | int = 0) -> Vector:
        """16 elements of a row."""
        return self.lanes.builder.load(self.at(row, column), typ=FLOATS, align=4)

    def store(self, value: Vector, row: ir.Value, column: ir.Value | int = 0) -> None:
        """Write 16 elements of a row."""
        self.lanes.builder.store(value, self.at(row, column), align=4)

    def spread(self, row: ir.Value, column: ir.Value | int = 0) -> Vector:
        """One element in every lane."""
        return self.lanes.broadcast(self.lanes.builder.load(self.at(row, column), typ=FLOAT))

    def put(self, value: Vector, row: ir.Value, column: ir.Value | int = 0) -> None:
        """Write the first lane to one element."""
        first = self.lanes.builder.extract_element(value, ir.IntType(32)(0))
        self.lanes.builder.store(first, self.at(row, column), align=4)


def transposed(lanes: Lanes, rows: list[Vector]) -> list[Vector]:
    """The columns of 16 vectors, by pairs at distance 8, 4, 2, 1."""
    assert len(rows) == LANES
    distance = LANES // 2
    while distance:
        rows = _exchanged(lanes, rows, distance)
        distance //= 2
    return rows


def summed(lanes: Lanes, rows: list[Vector]) -> Vector:
    """The sums of the lanes of 16 vectors, one a lane, by pairs at distance 8, 4, 2, 1."""
    assert len(rows) == LANES
    distance = LANES // 2
    while distance:
        upper, lower = _patterns(distance)
        pairs = zip(rows[:distance], rows[distance:], strict=True)
        rows = [
            lanes.add(lanes.shuffle(*pair, upper), lanes.shuffle(*pair, lower)) for pair in pairs
        ]
        distance //= 2
    return rows[0]


def _exchanged(lanes: Lanes, rows: list[Vector], distance: int) -> list[Vector]:
    """Rows i and i + distance exchange the lanes whose number differs from i in that bit."""
    result, (upper, lower) = list(rows), _patterns(distance)
    for i in range(LANES):
        if not i & distance:
            one, other = rows[i], rows[i + distance]
            result[i] = lanes.shuffle(one, other, upper)
            result[i + distance] = lanes.shuffle(one, other, lower)
    return result


def _patterns(distance: int) -> tuple[list[int], list[int]]:
    """Of two vectors: the lanes whose number lacks that bit, then those that have it."""
    upper = [LANES + n - distance if n & distance else n for n in range(LANES)]
    lower = [LANES + n if n & distance else n + distance for n in range(LANES)]
    return upper, lower
