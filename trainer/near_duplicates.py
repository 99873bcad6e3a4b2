"""Groups of texts that are copies or near copies of each other.

Texts are normalised (lower case, white space collapsed) and cut into overlapping shingles of 16
bytes. Signatures of 30 minimum hashes estimate the Jaccard similarity of two texts' shingles; ten
bands of three find the pairs worth comparing, a pair of similarity 0.8 with probability 0.999.
Source: Broder, On the resemblance and containment of documents, 1997; the banding is that of
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.

Of each text two hashes of 16 bytes and two sizes are kept, 48 bytes, and while pairs are looked for
its signature, 120 bytes in temporary files, of which a band is in memory at a time.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.progress import SILENT, Reporter
from trainer.stretches import Stretch, before_space, recut

SHINGLE_BYTES = 16
BANDS = 10
ROWS = 3
THRESHOLDS = (0.7, 0.8, 0.9, 0.97)
"""Estimated similarity from which two texts count as near copies; see `group_near_duplicates`."""
DIGEST_BYTES = 16
"""Kept of a sha256: two of 10^9 texts share it with a probability below 10^-20."""
_MULTIPLIERS = np.random.Generator(np.random.Philox(1997)).integers(
    1, 2**32, size=(BANDS * ROWS, 1), dtype=np.uint32
) | np.uint32(1)
_AT_ONCE = 4096
"""Shingles, or pairs, that are compared at a time, so that their products stay near."""
_WRITTEN_AT_ONCE = 1024
"""Signatures."""

Pairs = NDArray[np.int64]
Digests = NDArray[np.uint64]


class Grouped(NamedTuple):
    """N texts."""

    groups: NDArray[np.intp]
    """The group of each [N]."""
    sizes: NDArray[np.int64]
    """UTF-8 bytes of each [N]."""
    digests: Digests
    """The beginning of each one's sha256 [N, 2], ordered as the sha256 are."""


def normalise(text: str) -> bytes:
    """What is compared: lower case, runs of white space as one blank."""
    return " ".join(text.lower().split()).encode()


def group_near_duplicates(
    texts: Iterable[Stretch],
    num_bytes: int | None = None,
    largest_share: float = 0.25,
    scratch: Path | None = None,
    progress: Reporter = SILENT,
) -> Grouped:
    """Texts equal after normalisation always share a group.

    Near copies are joined transitively at the lowest threshold at which no group holds more than
    `largest_share` of the bytes, so that a corpus written from templates does not become one group.
    `num_bytes` of all texts serve the progress alone; signatures are put in `scratch`.
    """
    with ExitStack() as stack:
        bands = [stack.enter_context(TemporaryFile(dir=scratch)) for _ in range(BANDS)]
        raw, normalised, signatures = _Column(), _Column(), list[NDArray[np.uint32]]()
        with progress.work("looking for near copies", num_bytes, "bytes") as advance:
            for sketch in _sketches(texts):
                raw.append(sketch.raw)
                normalised.append(sketch.normalised)
                signatures.append(sketch.signature())
                if len(signatures) == _WRITTEN_AT_ONCE:
                    _write(bands, signatures)
                advance(raw.num_bytes)
            _write(bands, signatures)
        with progress.work("comparing near copies"):
            groups = _groups(normalised, bands, largest_share)
    return Grouped(groups, raw.sizes, raw.digests)


class _Hashed:
    """A text's sha256 and size."""

    def __init__(self) -> None:
        self.hash = sha256()
        self.size = 0

    def update(self, data: bytes) -> None:
        self.hash.update(data)
        self.size += len(data)


class _Column:
    """Digests and sizes of many texts."""

    def __init__(self) -> None:
        self._digests, self._sizes = bytearray(), array("q")
        self.num_bytes = 0

    def append(self, text: _Hashed) -> None:
        self._digests += text.hash.digest()[:DIGEST_BYTES]
        self._sizes.append(text.size)
        self.num_bytes += text.size

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.frombuffer(self._sizes, dtype=np.int64)

    @property
    def digests(self) -> Digests:
        halves = np.frombuffer(self._digests, dtype=">u8").astype(np.uint64)
        return halves.reshape(-1, 2)


class _Sketch:
    """What is kept of one text, which comes in sections that begin with white space."""

    def __init__(self, products: NDArray[np.uint32]) -> None:
        self.raw, self.normalised = _Hashed(), _Hashed()
        self._products = products
        self._minima = np.full(BANDS * ROWS, 2**32 - 1, dtype=np.uint32)
        self._tail = b""

    def add(self, section: str) -> None:
        self.raw.update(section.encode())
        words = normalise(section)
        if words and self.normalised.size:
            words = b" " + words
        self.normalised.update(words)
        words = self._tail + words
        self._tail = words[max(0, len(words) - SHINGLE_BYTES + 1) :]
        if len(words) >= SHINGLE_BYTES:
            self._hash(_shingle_hashes(words))

    def signature(self) -> NDArray[np.uint32]:
        """Minimum hashes [BANDS * ROWS] of the text's shingles; of the text where it has none."""
        if self.normalised.size < SHINGLE_BYTES:
            whole = np.frombuffer(self.normalised.hash.digest()[:4], dtype="<u4")
            self._hash(whole.astype(np.uint32))
        return self._minima

    def _hash(self, shingles: NDArray[np.uint32]) -> None:
        for start in range(0, len(shingles), _AT_ONCE):
            some = shingles[start : start + _AT_ONCE]
            products = np.multiply(some, _MULTIPLIERS, out=self._products[:, : len(some)])
            np.minimum(self._minima, products.min(axis=1), out=self._minima)


def _sketches(texts: Iterable[Stretch]) -> Iterator[_Sketch]:
    products = np.empty((BANDS * ROWS, _AT_ONCE), dtype=np.uint32)
    sketch = _Sketch(products)
    for section, ends in recut(texts, before_space):
        sketch.add(section)
        if ends:
            yield sketch
            sketch = _Sketch(products)


def _shingle_hashes(text: bytes) -> NDArray[np.uint32]:
    """One hash for each window of SHINGLE_BYTES bytes, windows doubled from 1 to 16."""
    hashes = np.frombuffer(text, dtype=np.uint8).astype(np.uint32) + np.uint32(1)
    width, power = 1, np.uint32(0x01000193)
    while width < SHINGLE_BYTES:
        hashes = hashes[:-width] * power + hashes[width:]
        width, power = 2 * width, np.uint32(int(power) ** 2 % 2**32)
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    return (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)


def _groups(
    normalised: _Column, bands: Sequence[IO[bytes]], largest_share: float
) -> NDArray[np.intp]:
    sizes, exact = normalised.sizes, _agreeing(normalised.digests)
    pairs, similarity = _similar_pairs(bands, len(sizes))
    for threshold in THRESHOLDS:
        near = np.concatenate([exact, pairs[similarity >= threshold]])
        groups = _components(len(sizes), near)
        if np.bincount(groups, weights=sizes).max() <= largest_share * sizes.sum():
            return groups
    return _components(len(sizes), exact)


def _agreeing(rows: NDArray[np.unsignedinteger]) -> Pairs:
    """Pairs [P, 2] of equal rows, along a chain, not each with each."""
    order = np.lexsort(rows.T)
    agree = np.ones(len(order) - 1, dtype=bool)
    for column in rows.T:
        ordered = column[order]
        agree &= ordered[1:] == ordered[:-1]
    return np.stack([order[:-1][agree], order[1:][agree]], axis=1)


def _similar_pairs(bands: Sequence[IO[bytes]], num_texts: int) -> tuple[Pairs, NDArray[np.float64]]:
    """Pairs [P, 2] that agree in a whole band, and the similarity estimated for each [P]."""
    found = np.empty(0, dtype=np.int64)
    for band in bands:
        pairs = _agreeing(_rows(band))
        found = np.union1d(found, pairs[:, 0] * num_texts + pairs[:, 1])
    pairs = np.stack(np.divmod(found, num_texts), axis=1)
    same = np.zeros(len(pairs), dtype=np.int64)
    for band in bands:
        rows = _rows(band)
        for start in range(0, len(pairs), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            first, second = rows[pairs[some, 0]], rows[pairs[some, 1]]
            same[some] += (first == second).sum(axis=1)
    return pairs, same / (BANDS * ROWS)


def _write(bands: Sequence[IO[bytes]], signatures: list[NDArray[np.uint32]]) -> None:
    """Each band of the signatures to its file; none are left."""
    rows = np.array(signatures, dtype=np.uint32).reshape(-1, BANDS, ROWS)
    for index, band in enumerate(bands):
        band.write(rows[:, index].tobytes())
    signatures.clear()


def _rows(band: IO[bytes]) -> NDArray[np.uint32]:
    """That band of every signature [N, ROWS]."""
    band.seek(0)
    return np.fromfile(band, dtype=np.uint32).reshape(-1, ROWS)


def _components(num_texts: int, pairs: Pairs) -> NDArray[np.intp]:
    """Connected components of the graph that the pairs make."""
    # A worker, which groups nothing, need not load them.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), pairs.T), shape=(num_texts, num_texts))
    _, labels = connected_components(edges, directed=False)
    return labels.astype(np.intp)
