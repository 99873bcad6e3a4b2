"""Lines of a terminal: cut, filled or wrapped to a width in cells. Some characters take two."""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, chop_cells
from rich.text import Text

_WORD = re.compile(r"\s*\S+\s*")


def fitted(line: Text, width: int) -> Text:
    """Exactly `width` cells; what does not fit is cut, and the cut is marked."""
    shown = line.copy()
    shown.truncate(max(0, width), overflow="ellipsis" if width > 1 else "crop", pad=True)
    return shown


def wrapped(text: Text, width: int, rows: int) -> list[Text]:
    """At most `rows` lines, broken between words; where text is left over the last one says so."""
    if width <= 0 or rows <= 0:
        return []
    lines = list(text.divide(_breaks(text.plain, width)))
    for line in lines:
        line.rstrip()
    if len(lines) > rows:
        lines = lines[:rows]
        lines[-1].truncate(max(1, width - 2))
        lines[-1].append(" …")
    return lines


def num_lines(texts: Iterable[Text], width: int) -> int:
    """How many lines the texts need, each beginning on a line of its own."""
    return sum(len(_breaks(text.plain, width)) + 1 for text in texts) if width > 0 else 0


def titled(title: Text, width: int) -> Text:
    """The title, and a rule from there to the end of the line."""
    if width <= 0:
        return Text()
    line = title.copy()
    line.truncate(width, overflow="ellipsis")
    room = width - line.cell_len - 1
    return line.append(f" {'─' * room}", style="dim") if room > 0 else line


def joined(facts: Iterable[tuple[Text, int]], width: int, gap: str = "  ") -> Text:
    """Facts on one line; while they do not fit, the one of the greatest rank is left out.

    A fact of rank 0 stays.
    """
    shown = [(fact, rank) for fact, rank in facts if fact.plain]
    while shown and _width(shown, gap) > width:
        rank = max(rank for _, rank in shown)
        if rank == 0:
            break
        shown.pop(max(i for i, (_, own) in enumerate(shown) if own == rank))
    return Text(gap).join(fact for fact, _ in shown)


def _width(facts: list[tuple[Text, int]], gap: str) -> int:
    return sum(fact.cell_len for fact, _ in facts) + len(gap) * (len(facts) - 1)


def _breaks(plain: str, width: int) -> list[int]:
    """Offsets at which new lines begin. A word that is longer than a line is cut."""
    found, column = [], 0
    for start, word in _words(plain):
        length = cell_len(word.rstrip())
        if column + length <= width:
            column += cell_len(word)
            continue
        if column:
            found.append(start)
        pieces = chop_cells(word.rstrip(), width) if length > width else [word]
        for piece in pieces[:-1]:
            start += len(piece)
            found.append(start)
        column = cell_len(pieces[-1]) + (cell_len(word) - length if length > width else 0)
    return found


def _words(plain: str) -> Iterator[tuple[int, str]]:
    for match in _WORD.finditer(plain):
        yield match.start(), match.group()
