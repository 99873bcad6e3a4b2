"""Texts of any length, stretch by stretch, so that none has to be held whole."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

WINDOW_BYTES = 2**16
"""What is read at a time; a document up to here is handled whole."""
LONGEST_MARKER = 16
"""Characters; every marker such as <|end_of_text|> is shorter."""
_OPEN_MARKER = re.compile(r"<(?:\|[a-z_]*\|?)?\Z")
_BEFORE_SPACE = re.compile(r".*\S(?=[ \t\n\r])", re.DOTALL)

Cut = Callable[[str], int]
"""The last place in a text where what lies before does not depend on what follows, and the other
way round; 0 where there is none.
"""


class Stretch(NamedTuple):
    """Some characters of a text, perhaps none."""

    text: str
    ends: bool
    """Whether the text is over with it."""


def outside_markers(text: str) -> int:
    """The `Cut` for what looks for markers."""
    found = _OPEN_MARKER.search(text, max(0, len(text) - LONGEST_MARKER))
    return found.start() if found else len(text)


def before_space(text: str) -> int:
    """The `Cut` for what looks at words: between one and the white space behind it.

    No marker holds white space, so it is one for markers too.
    """
    found = _BEFORE_SPACE.match(text)
    return found.end() if found else 0


def num_utf8(text: str) -> int:
    """Its bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def recut(stretches: Iterable[Stretch], cut: Cut) -> Iterator[Stretch]:
    """The same texts in stretches that end where they may be cut.

    Where that is nowhere, the text is held until it is over.
    """
    parts: list[str] = []
    length = wanted = 0
    for stretch in stretches:
        if stretch.ends and not parts:
            yield stretch
            continue
        parts.append(stretch.text)
        length += len(stretch.text)
        if not stretch.ends and length < wanted:
            continue
        held = "".join(parts)
        end = length if stretch.ends else cut(held)
        if end or stretch.ends:
            yield Stretch(held[:end], stretch.ends)
        # Looked at again only when it is twice as long, else the work would grow as its square.
        wanted = 0 if end else 2 * length
        parts, length = [held[end:]] if end < length else [], length - end
