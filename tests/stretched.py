"""Texts to stretches and back."""

from collections.abc import Iterable, Iterator

from state.records import Split
from trainer.splits import Dealt
from trainer.stretches import Stretch


def stretched(texts: Iterable[str], size: int = 10**9) -> Iterator[Stretch]:
    """Each text in stretches of `size` characters, its end by itself as files have it."""
    for text in texts:
        for start in range(0, len(text), size):
            yield Stretch(text[start : start + size], ends=False)
        yield Stretch("", ends=True)


def joined(stretches: Iterable[Stretch]) -> tuple[str, ...]:
    """The texts, whole."""
    texts, parts = [], []
    for text, ends in stretches:
        parts.append(text)
        if ends:
            texts.append("".join(parts))
            parts = []
    assert not parts, "the last text has no end"
    return tuple(texts)


def by_split(dealt: Iterable[Dealt]) -> dict[Split, tuple[str, ...]]:
    """The units of each split, whole."""
    found: dict[Split, list[bytes]] = {"train": [b""], "search": [b""], "test": [b""]}
    for split, data, ends in dealt:
        found[split][-1] += data
        if ends:
            found[split].append(b"")
    assert all(units.pop() == b"" for units in found.values()), "a unit has no end"
    return {split: tuple(unit.decode() for unit in units) for split, units in found.items()}
