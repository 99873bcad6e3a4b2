"""Train, search and test: disjoint, decided by content alone, near copies on one side.

Documents are the units where they are short enough; longer ones, a running text for one, are cut
into blocks. Units are ordered by the hash of their text and fill test, then search; the rest is
train. No seed and no position enters, so adding a document moves few others.

Contiguous parts are the exception: the text is cut where its characters are so many, as other
programs do it, and nothing is looked at.

The corpus is read twice: to decide, and to deal out. In between there are some bytes for each unit.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from state.progress import SILENT, Reporter
from state.records import Split
from trainer.blocks import block_size, cut_blocks
from trainer.config import Contiguous, DataConfig
from trainer.corpus import Corpus
from trainer.near_duplicates import Grouped, group_near_duplicates
from trainer.stretches import Stretch

Units = Literal["auto", "document", "block"]
_NAMES: tuple[Split, ...] = ("train", "search", "test")


class Dealt(NamedTuple):
    """The next bytes of the corpus, some of a unit."""

    split: Split
    data: bytes | memoryview
    ends: bool
    """Whether the unit is over with them."""


def split_texts(
    config: DataConfig,
    corpus: Corpus,
    scratch: Path | None = None,
    progress: Reporter = SILENT,
) -> Iterator[Dealt]:
    """The units in the order of the corpus; none for test where nothing is left for it."""
    match config.split:
        case Contiguous():
            return split_contiguous(corpus, config.split)
        case _:
            shares = held_out(config, corpus.num_bytes)
            return split_corpus(corpus, *shares, config.split, scratch, progress)


def held_out(config: DataConfig, num_bytes: int) -> tuple[float, float]:
    """Shares of the search and the test split: as configured, or less where they are capped."""
    search = min(config.search_fraction, config.search_bytes / num_bytes)
    return search, min(config.test_fraction, config.test_bytes / num_bytes)


def split_corpus(
    corpus: Corpus,
    search_fraction: float,
    test_fraction: float,
    units_of: Units = "auto",
    scratch: Path | None = None,
    progress: Reporter = SILENT,
) -> Iterator[Dealt]:
    """Units of any length in the order of the corpus.

    Test and search get their fraction of the bytes to within half of the largest group of near
    copies. A corpus of very few units may leave them empty.
    """
    units = _units(corpus, min(search_fraction, test_fraction), units_of)
    grouped = group_near_duplicates(units, corpus.num_bytes, scratch=scratch, progress=progress)
    sides = _sides(grouped, search_fraction, test_fraction)
    return _deal(corpus.read(), grouped.sizes, sides)


def _sides(grouped: Grouped, search_fraction: float, test_fraction: float) -> NDArray[np.uint8]:
    """The split of each unit [N], as an index: groups choose, ordered by their smallest digest."""
    num_bytes = grouped.sizes.sum()
    room: dict[Split, float] = {
        "test": test_fraction * num_bytes,
        "search": search_fraction * num_bytes,
    }
    by_digest = np.lexsort(grouped.digests.T[::-1])
    groups, first = np.unique(grouped.groups[by_digest], return_index=True)
    sizes = np.bincount(grouped.groups, weights=grouped.sizes).astype(np.int64)
    chosen = np.empty(len(groups), dtype=np.uint8)
    for group in groups[np.argsort(first)]:
        size = int(sizes[group])
        split = _assign(size, room)
        chosen[group] = _NAMES.index(split)
        if split != "train":
            room[split] -= size
    return chosen[grouped.groups]


def _assign(size: int, room: dict[Split, float]) -> Split:
    """The first held-out split that comes nearer to its fraction by taking the group."""
    return next((split for split, left in room.items() if size / 2 <= left), "train")


def _deal(
    stretches: Iterator[Stretch], sizes: NDArray[np.int64], sides: NDArray[np.uint8]
) -> Iterator[Dealt]:
    """The same text again, cut into units by their bytes [N], each with its split [N]."""
    data = memoryview(b"")
    for size, side in zip(sizes, sides, strict=True):
        left, split = int(size), _NAMES[side]
        while left > len(data):
            if data:
                yield Dealt(split, data, ends=False)
            left -= len(data)
            data = memoryview(next(stretches).text.encode())
        yield Dealt(split, data[:left], ends=True)
        data = data[left:]
    for _ in stretches:
        # What reads them looks at the end whether the text is still the same.
        pass


def split_contiguous(corpus: Corpus, parts: Contiguous) -> Iterator[Dealt]:
    """The first characters of the text, the next and the last; no test where its share is 0.

    A part ends at the whole character below its share. Documents stay the units; one that a
    border falls into is cut there.
    """
    num_characters = sum(corpus.lengths)
    train, held_out = Fraction(str(parts.train)), 1 - Fraction(str(parts.test))
    borders = [int(num_characters * train), int(num_characters * held_out), num_characters]
    position, part, begun = 0, 0, False
    for text, ends in corpus.read():
        while text:
            while position == borders[part]:
                part += 1
            taken = text[: borders[part] - position]
            text, position = text[len(taken) :], position + len(taken)
            over = position == borders[part] or (ends and not text)
            yield Dealt(_NAMES[part], taken.encode(), over)
            begun = not over
        if ends and begun:
            yield Dealt(_NAMES[part], b"", ends=True)
            begun = False


def _units(corpus: Corpus, smallest_fraction: float, units_of: Units) -> Iterator[Stretch]:
    """Documents whole, or the text in blocks, or the documents of which those longer than the
    smallest held-out split are cut into blocks.
    """
    num_characters = sum(corpus.lengths)
    size = block_size(num_characters)
    match units_of:
        case "document":
            yield from corpus.read()
        case "block":
            yield from _blocks((text for text, _ in corpus.read()), size)
        case "auto":
            stretches = corpus.read()
            for length in corpus.lengths:
                document = _until_end(stretches)
                if length > smallest_fraction * num_characters:
                    yield from _blocks((text for text, _ in document), size)
                else:
                    yield from document
        case _:
            assert_never(units_of)


def _blocks(text: Iterable[str], size: int) -> Iterator[Stretch]:
    return (Stretch(block, ends=True) for block in cut_blocks(text, size))


def _until_end(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """What is left of the text at hand."""
    for stretch in stretches:
        yield stretch
        if stretch.ends:
            return
