"""Train, search and test: disjoint, decided by content alone, near copies on one side.

Documents are the units where they are short enough; longer ones, a running text for one, are cut
into blocks. Units are ordered by the hash of their text and fill test, then search; the rest is
train. No seed and no position enters, so adding a document moves few others.

Contiguous parts are the exception: the text is cut where its characters are so many, as other
programs do it, and nothing is looked at.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Literal, assert_never
from zlib import crc32

import numpy as np

from state.progress import SILENT, Reporter
from state.records import Split
from trainer.config import Contiguous, DataConfig
from trainer.corpus import Corpus
from trainer.near_duplicates import group_near_duplicates

Units = Literal["auto", "document", "block"]
MIN_BLOCK, MAX_BLOCK = 2048, 8192
"""Characters of a block: about a hundredth of the corpus within these limits."""
_PARAGRAPH = re.compile(r"(?:(?<=\n\n)|(?<=\n\r\n))(?=\S)")
_LINE = re.compile(r"(?<=\n)")
_WORD = re.compile(r"(?<=\s)(?=\S)")


def split_texts(
    config: DataConfig, corpus: Corpus, progress: Reporter = SILENT
) -> dict[Split, tuple[str, ...]]:
    """The texts of each split; without test where the configuration leaves nothing for it."""
    match config.split:
        case Contiguous():
            return split_contiguous(corpus, config.split)
        case _:
            shares = held_out(config, corpus.num_bytes)
            return split_corpus(corpus, *shares, config.split, progress)


def held_out(config: DataConfig, num_bytes: int) -> tuple[float, float]:
    """Shares of the search and the test split: as configured, or less where they are capped."""
    search = min(config.search_fraction, config.search_bytes / num_bytes)
    return search, min(config.test_fraction, config.test_bytes / num_bytes)


def split_corpus(
    corpus: Corpus,
    search_fraction: float,
    test_fraction: float,
    units_of: Units = "auto",
    progress: Reporter = SILENT,
) -> dict[Split, tuple[str, ...]]:
    """The units of each split, in the order of the corpus.

    Test and search get their fraction of the bytes to within half of the largest group of near
    copies. A corpus of very few units may leave them empty.
    """
    units = _units(corpus.documents, min(search_fraction, test_fraction), units_of)
    sizes = np.array([len(unit.encode()) for unit in units])
    digests = [sha256(unit.encode()).digest() for unit in units]
    limits: dict[Split, float] = {
        "test": test_fraction * sizes.sum(),
        "search": search_fraction * sizes.sum(),
    }
    members: dict[Split, list[int]] = {"train": [], "search": [], "test": []}
    for group in _groups(units, digests, progress):
        size = int(sizes[group].sum())
        split = _assign(size, limits)
        members[split] += group
        if split != "train":
            limits[split] -= size
    return {
        split: tuple(units[index] for index in sorted(indices))
        for split, indices in members.items()
    }


def split_contiguous(corpus: Corpus, parts: Contiguous) -> dict[Split, tuple[str, ...]]:
    """The first characters of the text, the next and the last; no test where its share is 0.

    A part ends at the whole character below its share. Documents stay the units; one that a
    border falls into is cut there.
    """
    num_characters = sum(map(len, corpus.documents))
    train, held_out = Fraction(str(parts.train)), 1 - Fraction(str(parts.test))
    borders = [0, int(num_characters * train), int(num_characters * held_out), num_characters]
    names: tuple[Split, ...] = ("train", "search", "test") if parts.test else ("train", "search")
    return {
        name: tuple(_between(corpus.documents, start, end))
        for name, start, end in zip(names, borders, borders[1:], strict=False)
    }


def _between(documents: Sequence[str], start: int, end: int) -> Iterator[str]:
    """What of each document lies between two characters of the whole text."""
    position = 0
    for document in documents:
        part = document[max(0, start - position) : max(0, end - position)]
        if part:
            yield part
        position += len(document)


def _assign(size: int, room: dict[Split, float]) -> Split:
    """The first held-out split that comes nearer to its fraction by taking the group."""
    return next((split for split, left in room.items() if size / 2 <= left), "train")


def _groups(units: Sequence[str], digests: Sequence[bytes], progress: Reporter) -> list[list[int]]:
    """Indices of near copies together, groups ordered by their smallest digest."""
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(group_near_duplicates(units, progress=progress)):
        groups.setdefault(int(group), []).append(index)
    return sorted(groups.values(), key=lambda group: min(digests[index] for index in group))


def _units(documents: Sequence[str], smallest_fraction: float, units_of: Units) -> list[str]:
    """Documents whole, or the text in blocks, or the documents of which those longer than the
    smallest held-out split are cut into blocks.
    """
    num_characters = sum(map(len, documents))
    longest = smallest_fraction * num_characters
    size = block_size(num_characters)
    match units_of:
        case "document":
            return list(documents)
        case "block":
            return list(cut_blocks("".join(documents), size))
        case "auto":
            pass
        case _:
            assert_never(units_of)
    return [
        unit
        for document in documents
        for unit in (cut_blocks(document, size) if len(document) > longest else (document,))
    ]


def block_size(num_characters: int) -> int:
    """A hundredth of the text within the limits; a twentieth of a text too short for that."""
    size = min(max(num_characters // 100, MIN_BLOCK), MAX_BLOCK)
    return max(1, min(size, num_characters // 20))


def cut_blocks(text: str, size: int) -> Iterator[str]:
    """Blocks of `size` / 2 to 2 * `size` characters, the last may be shorter; joined, the text.

    A block ends with a paragraph, failing that a line, a word, a character. Where it ends depends
    on the piece before the cut, so that a passage repeated elsewhere falls into equal blocks.
    """
    block: list[str] = []
    length = 0
    for piece in _pieces(text, size, (_PARAGRAPH, _LINE, _WORD)):
        block.append(piece)
        length += len(piece)
        if length >= size or (2 * length >= size and crc32(piece.encode()) % 4 == 0):
            yield "".join(block)
            block, length = [], 0
    if block:
        yield "".join(block)


def _pieces(text: str, size: int, boundaries: Sequence[re.Pattern[str]]) -> Iterable[str]:
    """Pieces of at most `size` characters, cut at the coarsest boundaries that do."""
    if len(text) <= size:
        return (text,)
    if not boundaries:
        return (text[start : start + size] for start in range(0, len(text), size))
    parts = boundaries[0].split(text)
    return (piece for part in parts if part for piece in _pieces(part, size, boundaries[1:]))
