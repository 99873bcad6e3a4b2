"""Facts of several runs in at most 100 columns: a column a run, or a row a run where those do not
fit.
"""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import NamedTuple

from orchestrator.report.escape import visible

WIDTH = 100
MAX_LABEL = 34
MIN_COLUMN = 16
MAX_CELL = 30
"""Wider facts get lines of their own where runs are rows."""
GAP = 2


class Fact(NamedTuple):
    """One line of the comparison: a value for each run."""

    label: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def laid_out(names: Sequence[str], facts: Sequence[Fact]) -> list[str]:
    """The facts as aligned lines."""
    names = [one_line(name) for name in names]
    shown = [f._replace(values=tuple(one_line(v) for v in f.values)) for f in facts]
    label = min(MAX_LABEL, max((len(fact.label) for fact in shown), default=0))
    room = (WIDTH - label) // len(names) - GAP
    if room >= MIN_COLUMN:
        return _columns(names, shown, label, room)
    return _rows(names, shown)


def one_line(text: str) -> str:
    """Foreign text without control characters, on one line."""
    return " ".join(visible(text).split())


def wrapped(text: str, indent: str = "", first: str = "") -> list[str]:
    """Lines of at most `WIDTH` columns."""
    return wrap(text, WIDTH, initial_indent=first or indent, subsequent_indent=indent)


def cut(text: str, width: int) -> str:
    """At most `width` characters, the end of what is too long left out."""
    return text if len(text) <= width else f"{text[: max(0, width - 3)]}..."


def _columns(names: Sequence[str], facts: Sequence[Fact], label: int, room: int) -> list[str]:
    """A column for each run, as wide as it needs; what is longer goes on in the next line."""
    needed = [
        max(len(cell) for cell in column)
        for column in zip(names, *(f.values for f in facts), strict=True)
    ]
    widths = [min(room, wide) for wide in needed]
    lines = _cells("", [cut(name, w) for name, w in zip(names, widths, strict=True)], label, widths)
    for fact in facts:
        lines += _cells(fact.label, fact.values, label, widths)
    return lines


def _cells(name: str, values: Sequence[str], label: int, widths: Sequence[int]) -> list[str]:
    cells = [wrap(name, max(1, label)) or [""]]
    cells += [wrap(value, width) or ["-"] for value, width in zip(values, widths, strict=True)]
    height = max(map(len, cells))
    padded = [one + [""] * (height - len(one)) for one in cells]
    return [_line(row, [label, *widths]) for row in zip(*padded, strict=True)]


def _rows(names: Sequence[str], facts: Sequence[Fact]) -> list[str]:
    """A row for each run, in as many tables as the width asks for; long facts come last."""
    long = [fact for fact in facts if max(map(len, (fact.label, *fact.values))) > MAX_CELL]
    name_width = min(MAX_CELL, max(map(len, names)))
    lines: list[str] = []
    for group in _tables([fact for fact in facts if fact not in long], name_width):
        widths = [name_width, *(_width(fact) for fact in group)]
        heads = _line(["", *(fact.label for fact in group)], widths)
        lines += ["", heads] if lines else [heads]
        for index, name in enumerate(names):
            row = [cut(name, name_width), *(fact.values[index] or "-" for fact in group)]
            lines.append(_line(row, widths))
    for fact in long:
        lines += [*([""] if lines else []), fact.label]
        for name, value in zip(names, fact.values, strict=True):
            head = f"{cut(name, name_width):{name_width + GAP}}"
            lines += wrapped(value or "-", " " * len(head), head)
    return lines


def _tables(facts: Iterable[Fact], name_width: int) -> list[list[Fact]]:
    tables: list[list[Fact]] = []
    used = WIDTH + 1
    for fact in facts:
        needed = _width(fact) + GAP
        if used + needed > WIDTH:
            tables.append([])
            used = name_width
        tables[-1].append(fact)
        used += needed
    return tables


def _width(fact: Fact) -> int:
    return max(map(len, (fact.label, *fact.values, "-")))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return (" " * GAP).join(f"{cell:{width}}" for cell, width in pairs).rstrip()
