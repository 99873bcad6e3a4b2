"""A running text cut into blocks where its content says, read as far as the next cut needs."""

import re
from collections.abc import Iterable, Iterator
from zlib import crc32

MIN_BLOCK, MAX_BLOCK = 2048, 8192
"""Characters of a block: about a hundredth of the corpus within these limits."""
_BEFORE = 3
"""Characters before a boundary that tell what it is."""
_PARAGRAPH = re.compile(r"(?:(?<=\n\n)|(?<=\n\r\n))(?=\S)")
_ENDS = tuple(map(re.compile, (r"(?!)", r"\n\r?\n(?=\S)", r"\n", r"\n|\s(?=\S)")))
"""What ends a text, a paragraph, a line and a word, each within the one before."""
_TEXT, _A_PARAGRAPH, _A_LINE, _A_WORD = range(4)


def block_size(num_characters: int) -> int:
    """A hundredth of the text within the limits; a twentieth of a text too short for that."""
    size = min(max(num_characters // 100, MIN_BLOCK), MAX_BLOCK)
    return max(1, min(size, num_characters // 20))


def cut_blocks(text: Iterable[str], size: int) -> Iterator[str]:
    """Blocks of `size` / 2 to 2 * `size` characters, the last may be shorter; joined, the text.

    A block ends with a paragraph, failing that a line, a word, a character. Where it ends depends
    on the piece before the cut, so that a passage repeated elsewhere falls into equal blocks.
    `text` comes in stretches of any length.
    """
    block: list[str] = []
    length = 0
    for piece in _pieces(iter(text), size):
        block.append(piece)
        length += len(piece)
        if length >= size or (2 * length >= size and crc32(piece.encode()) % 4 == 0):
            yield "".join(block)
            block, length = [], 0
    if block:
        yield "".join(block)


def _pieces(stretches: Iterator[str], size: int) -> Iterator[str]:
    """Pieces of at most `size` characters, cut at the coarsest boundaries that do."""
    text, at, more, level = "", 0, True, _TEXT
    while True:
        if more and len(text) - at <= size:
            kept = max(0, at - _BEFORE)
            text, more = _longer(text[kept:], at - kept + size, stretches)
            at -= kept
        if at == len(text):
            return
        end = _end(text, at, size, level)
        if end is None and level < _A_WORD:
            level += 1
            continue
        end = at + size if end is None else end
        yield text[at:end]
        at, level = end, _level(text, end)


def _longer(text: str, length: int, stretches: Iterator[str]) -> tuple[str, bool]:
    """The text with more behind it, beyond `length`, and whether there may be still more."""
    parts, have = [text], len(text)
    while have <= length:
        stretch = next(stretches, None)
        if stretch is None:
            return "".join(parts), False
        parts.append(stretch)
        have += len(stretch)
    return "".join(parts), True


def _end(text: str, at: int, size: int, level: int) -> int | None:
    """Where what begins at `at` ends, if within `size`. Whether a word begins behind a boundary
    is told by the character there, which is looked at.
    """
    found = _ENDS[level].search(text, at, at + size + 1)
    end = found.end() if found else len(text)
    return end if end - at <= size else None


def _level(text: str, at: int) -> int:
    """The largest of what begins there."""
    if text[at - 1] != "\n":
        return _A_WORD
    return _A_PARAGRAPH if _PARAGRAPH.match(text, at) else _A_LINE
