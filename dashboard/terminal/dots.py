"""A field of dots on characters: braille patterns, or ASCII where the terminal has no others."""

from collections.abc import Sequence

_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of the dot in a row and column of a character."""
_ASCII = {0: " ", 1: "'", 2: ".", 3: ":"}


class Dots:
    """`width` x `height` characters, addressed from 0 to 1 to the right and upwards."""

    def __init__(self, width: int, height: int, *, ascii_only: bool) -> None:
        self.width, self.height, self._ascii = width, height, ascii_only
        self._columns, self._rows = (1, 2) if ascii_only else (2, 4)
        self._bits = [[0] * width for _ in range(height)]

    def dot(self, x: float, y: float) -> None:
        """Set one dot; what lies outside is drawn at the edge."""
        column = _place(x, self.width * self._columns)
        row = _place(1 - y, self.height * self._rows)
        within = row % self._rows
        bit = 1 << within if self._ascii else _BRAILLE[within][column % 2]
        self._bits[row // self._rows][column // self._columns] |= bit

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A straight line of dots."""
        across = abs(end[0] - start[0]) * self.width * self._columns
        up = abs(end[1] - start[1]) * self.height * self._rows
        count = max(1, round(2 * max(across, up)))
        for i in range(count + 1):
            x = start[0] + (end[0] - start[0]) * i / count
            self.dot(x, start[1] + (end[1] - start[1]) * i / count)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Column and row of the character that a point lies in."""
        return _place(x, self.width), _place(1 - y, self.height)

    def lines(self) -> list[str]:
        """The characters from the top to the bottom."""
        return ["".join(self._character(bits) for bits in row) for row in self._bits]

    def _character(self, bits: int) -> str:
        if self._ascii:
            return _ASCII[bits]
        return chr(0x2800 + bits) if bits else " "


def polyline(values: Sequence[float], width: int, height: int, *, ascii_only: bool) -> list[str]:
    """The course of `values` from their least, at the bottom, to their greatest."""
    dots = Dots(width, height, ascii_only=ascii_only)
    low, span = min(values), max(values) - min(values)
    ys = [(value - low) / span if span else 0.5 for value in values]
    last = max(1, len(ys) - 1)
    for i in range(1, len(ys)):
        dots.stroke(((i - 1) / last, ys[i - 1]), (i / last, ys[i]))
    if len(ys) == 1:
        dots.dot(0.0, ys[0])
    return dots.lines()


def _place(share: float, count: int) -> int:
    return min(count - 1, max(0, int(share * count)))
